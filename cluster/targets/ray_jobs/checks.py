"""Checks of `paceline doctor --on` for a Ray cluster, made from here and from each of its nodes."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from importlib import metadata
from typing import TYPE_CHECKING, Any, Final, Protocol

from cluster.doctor.machine import Check, judged
from cluster.doctor.reachability import travelling
from cluster.probe import MARK
from cluster.targets.contract import TargetError
from cluster.targets.package import travelling_packages
from cluster.targets.ray_jobs import head
from cluster.targets.submission import Submission
from search_spaces.types.faults import SpecError
from search_spaces.types.passwords import masked

if TYPE_CHECKING:
    from cluster.targets.submission import Code, Submission

PROBE_TIMEOUT_S: Final = 180.0


class Head(Protocol):
    """Part of ``JobsTarget`` that the checks use."""

    @property
    def address(self) -> str:
        """Address of the head's job server, http(s):// or ray://."""

    def client(self) -> AbstractContextManager[Any]:
        """Open a client of the job server. Raises TargetError where it cannot be reached."""

    def send(self, client: Any, submission: Submission, entrypoint: str, name: str) -> str:
        """Start the job ``name`` with the submission's files; return its name."""


def examine_cluster(target: Head, code: Code) -> Iterator[Check]:
    """Yield the checks as they are made; they end where a later one would need what is missing."""
    try:
        version = head.check_version(target.address) if target.address.startswith("http") else "asked by Ray"
    except TargetError as error:
        what, _, remedy = str(error).partition(": ")
        yield Check(name="head", state="wrong", found=what, remedy=remedy)
        return
    yield Check(name="head", state="ok", found=f"{target} lets us in")
    yield judged("ray", True, f"{version} there, {metadata.version('ray')} here", "")
    try:
        seen = probe(target, code)
    except (TargetError, SpecError) as error:
        remedy = "read the line above; `paceline submit` would meet the same"
        yield Check(name="probe", state="wrong", found=str(error), remedy=remedy)
        return
    yield from judge(seen, code)


def probe(target: Head, code: Code) -> dict[str, Any]:
    """Run `cluster.probe` as a job, with the files and variables of a submission; return its JSON.

    Raises TargetError with the job's last line where it prints none, or after ``PROBE_TIMEOUT_S`` seconds.
    """
    submission = Submission(
        id=os.urandom(4).hex(),
        name="probe",
        owner="",
        version=metadata.version("paceline"),
        files=travelling_packages() if code == "ship" else {"probe.txt": b""},
        code=code,
        environment=travelling(os.environ),
    )
    with target.client() as client:
        name = target.send(client, submission, "python -m cluster.probe", f"probe-{submission.id}")
        deadline = time.monotonic() + PROBE_TIMEOUT_S
        while not client.get_job_status(name).is_terminal():
            if time.monotonic() > deadline:
                client.stop_job(name)
                raise TargetError(f"the probe did not end in {PROBE_TIMEOUT_S:.0f} s: does the head start jobs?")
            time.sleep(0.3)
        lines = client.get_job_logs(name).splitlines()
        client.delete_job(name)
    told = [line.removeprefix(MARK) for line in lines if line.startswith(MARK)]
    if not told:
        raise TargetError(f"the probe failed: {next((line for line in reversed(lines) if line.strip()), 'silent')}")
    found: dict[str, Any] = json.loads(told[-1])
    return found


def judge(seen: Mapping[str, Any], code: Code) -> Iterator[Check]:
    """Yield the checks of the probe's JSON."""
    nodes: Mapping[str, Mapping[str, Any]] = seen["nodes"]
    yield from _versions(nodes)
    yield from _packages(nodes, code)
    yield from _home(seen, nodes)
    yield from _store(seen, nodes)
    yield from _gpus(seen, nodes)
    free, total = ({k: r.get(k, 0.0) for k in ("CPU", "GPU")} for r in (seen["free"], seen["total"]))
    found = f"{free['CPU']:g} of {total['CPU']:g} CPU, {free['GPU']:g} of {total['GPU']:g} GPU free"
    remedy = "a sweep waits until others end: `paceline ls` shows whose they are"
    yield judged("resources", free["CPU"] > 0, found, remedy, "warning")


def _versions(nodes: Mapping[str, Mapping[str, Any]]) -> Iterator[Check]:
    pythons, rays = ({str(one[key]) for one in nodes.values()} for key in ("python", "ray"))
    found = f"{', '.join(sorted(pythons))} there, {platform.python_version()} here"
    remedy = "give every node of the cluster the same Python and the same Ray"
    minor = {version.rpartition(".")[0] for version in pythons}
    yield judged("python", len(minor) == 1 and len(rays) == 1, found, remedy)


def _packages(nodes: Mapping[str, Mapping[str, Any]], code: Code) -> Iterator[Check]:
    """Check that every node imports Paceline from the shipped files, or from its image.

    Ray unpacks a job's files below a folder ``working_dir_files``.
    """
    for where, one in nodes.items():
        for name, origin in one["packages"].items():
            shipped = "working_dir_files" in origin
            if shipped != (code == "ship") or origin.startswith("not importable"):
                yield Check(
                    name=f"package {name}",
                    state="wrong",
                    found=f"{where}: {origin}",
                    remedy="uninstall it there" if code == "ship" else "use an image that holds Paceline",
                )
                return
    told = "is shipped with the sweep" if code == "ship" else "sits in the image"
    yield Check(name="code", state="ok", found=f"Paceline {told}, and {len(nodes)} nodes load it")


def _home(seen: Mapping[str, Any], nodes: Mapping[str, Mapping[str, Any]]) -> Iterator[Check]:
    remedy = "set PACELINE_HOME to a folder that every node of the cluster sees and may write"
    blind = [where for where, one in nodes.items() if not one["home"]]
    if not seen["home"]:
        yield Check(name="sweep homes", state="wrong", found="PACELINE_HOME is not set", remedy=remedy)
    elif seen["home_fault"]:
        yield Check(name="sweep homes", state="wrong", found=seen["home_fault"], remedy=remedy)
    else:
        found = f"{seen['home']}: not seen by {', '.join(blind)}" if blind else f"{seen['home']}, seen by all nodes"
        yield judged("sweep homes", not blind, found, remedy)


def _store(seen: Mapping[str, Any], nodes: Mapping[str, Mapping[str, Any]]) -> Iterator[Check]:
    if not seen["store"]:
        remedy = "set MLFLOW_TRACKING_URI there or here, or tracking.uri in each spec"
        yield Check(name="tracking", state="wrong", found="no MLflow store is named", remedy=remedy)
        return
    uri = masked(str(seen["store"]))
    faults = [f"{where} {one['store']}" for where, one in nodes.items() if one["store"]]
    found = f"{uri}: {'; '.join(faults)}" if faults else f"{uri}, reached by all nodes"
    yield judged("tracking", not faults, found, "name a server that all nodes reach, with its credentials there")


def _gpus(seen: Mapping[str, Any], nodes: Mapping[str, Mapping[str, Any]]) -> Iterator[Check]:
    broken = [f"{where}: {one['torch_fault']}" for where, one in nodes.items() if one["torch"] is None]
    if broken:
        remedy = "install a torch and torchvision that fit each other on every node"
        yield Check(name="torch", state="wrong", found="; ".join(broken), remedy=remedy)
    ray_gpus = seen["total"].get("GPU", 0.0)
    found = sum(len(one["gpus"]) for one in nodes.values())
    told = f"Ray counts {ray_gpus:g}, torch sees {found} where a task asks for none"
    yield Check(name="gpu", state="ok", found=told if ray_gpus or found else "none: trains on the CPU")
