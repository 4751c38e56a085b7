"""Checks that a cluster's nodes can reach the sweep's folder and MLflow: by their names, or by trying."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from cluster.lanes.joined_cluster import on_every_node
from cluster.sweep.shared_storage import is_remote
from search_spaces.types.faults import Fault, SpecError
from search_spaces.types.passwords import holds_password, masked
from search_spaces.types.plain import VARIABLE
from tracking.names import sqlite_path
from workloads.legs import checkpoint

if TYPE_CHECKING:
    from cluster.sweep.home import SweepHome
    from search_spaces.spec.sweep import Sweep

TRAVELLING: Final = (
    "PACELINE_HOME",
    "PACELINE_STUDY",
    "PACELINE_CHECKPOINTS",
    "MLFLOW_TRACKING_URI",
    VARIABLE,
)
"""Environment variables that go from the submitting shell to the job."""
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


def travelling(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables that go with a submission.

    Raises SpecError where one holds a password: Ray's dashboard shows a job's variables.
    """
    given = {name: environ[name] for name in TRAVELLING if environ.get(name)}
    rule = (
        "holds a password, which would be readable in Ray's dashboard: unset it here, and set it in the "
        "environment of the cluster's nodes (on Kubernetes by a secret)"
    )
    faults = [
        Fault(name, "", rule, received=masked(value)) for name, value in given.items() if holds_password(value)
    ]
    if faults:
        raise SpecError(faults)
    return given


def unseen(sweep: Sweep, given: Mapping[str, str], address: str) -> Iterator[Fault]:
    """Yield a fault for each place that, by its name, only this machine can reach.

    None for a head at a loopback address, which may be this machine: there the job itself tries the places.
    """
    if urlsplit(address).hostname in _LOOPBACK:
        return
    home = given.get("PACELINE_HOME")
    if home is not None and not Path(home).is_absolute():
        rule = "must be an absolute path, of a folder that every node of the cluster sees"
        yield Fault("PACELINE_HOME", "", rule, received=home)
    for place, path, uri in (
        ("sweep", "tracking.uri", sweep.tracking.uri),
        ("MLFLOW_TRACKING_URI", "", given.get("MLFLOW_TRACKING_URI")),
    ):
        if uri and not _remote(uri, home):
            rule = "can only be seen from this machine: name a server that the cluster reaches (https://...)"
            yield Fault(place, path, rule, received=masked(uri))


def _remote(uri: str, home: str | None) -> bool:
    parts = urlsplit(uri)
    if parts.scheme in ("http", "https"):
        return parts.hostname not in _LOOPBACK
    path = parts.path[1:] if parts.scheme == "sqlite" else parts.path
    return parts.scheme not in ("", "file", "sqlite") or bool(home and Path(path).is_relative_to(home))


def missing_on_cluster(home: SweepHome) -> Iterator[Fault]:
    """Yield a fault, inside a job, for a store that is not named or cannot be reached.

    An unreachable MLflow server is a fault only of a sweep that has not started: later, results wait in the spool.
    """
    shared = is_remote(home.checkpoints)
    if not os.environ.get("PACELINE_HOME") and not (shared and isinstance(home.study, str)):
        rule = "is not set: name the folder of sweep homes, one that every node of the cluster sees"
        yield Fault("PACELINE_HOME", "", rule)
    uri = home.sweep().tracking.uri or os.environ.get("MLFLOW_TRACKING_URI")
    if not uri:
        rule = "no MLflow store is named, and a file beside the job would be lost: set MLFLOW_TRACKING_URI"
        yield Fault("sweep", "tracking.uri", rule)
    elif not home.data.exists() and (wrong := store_fault(uri)):
        yield Fault("sweep", "tracking.uri", wrong)


def refuse_blind(home: SweepHome, num_machines: int) -> None:
    """Raise SpecError where some node does not see the sweep's checkpoint folder. Every node is asked."""
    if num_machines == 1 or is_remote(home.checkpoints):
        return
    if blind := blind_nodes(home.checkpoints):
        rule = f"is not the same folder on {', '.join(blind)}: name one that every node of the cluster sees"
        raise SpecError([Fault("PACELINE_HOME", "", rule, received=home.checkpoints)])


def store_fault(uri: str) -> str | None:
    """Return what is wrong with the MLflow store ``uri`` on this node, and the remedy; None if it can be used."""
    if path := sqlite_path(uri):
        folder = path.parent
        return None if folder.is_dir() else f"{uri}: there is no folder {folder} on this node: name a server"
    from cluster.doctor.stores import check_tracking  # 60 ms

    found = check_tracking(uri)
    if found.state == "ok":
        return None
    return f"{found.found}: seen from the cluster; name a server that it reaches, and {found.remedy}"


def blind_nodes(folder: str) -> list[str]:
    """Return the addresses of the live nodes that do not see a file that this process writes into ``folder``."""
    from cluster.doctor.stores import leave_marker, sees_marker  # 40 ms

    text = os.urandom(8).hex()
    place = f"{folder}/.seen-{text}"
    leave_marker(place, text)
    try:
        found = on_every_node(sees_marker, place, text)
    finally:
        checkpoint.delete(place)
    return [where for where, sees in found.items() if not sees]
