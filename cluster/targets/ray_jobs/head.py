"""Asks a Ray head over HTTP: can it be reached, does it accept our token and Ray version, what has its cluster?

Uses the standard library alone: refusals come before Ray's import, and every call has a time limit.
"""

from __future__ import annotations

import json
import os
import socket
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from cluster.sweep.lane_count import LaneNeed, told
from cluster.targets.contract import TargetError
from search_spaces.types.files.private_files import OWN_FILE, OWN_TOKEN

TIMEOUT_S = 10.0
TOKEN_HOW = (
    "set RAY_AUTH_TOKEN, or RAY_AUTH_TOKEN_PATH to a file that holds it. Whoever started the cluster has it: "
    "`ray get-auth-token` on the head, or on Kubernetes "
    "`kubectl get secret CLUSTER -o jsonpath={.data.auth_token} | base64 -d`"
)


def token() -> str | None:
    """Return the token for the head, in Ray's order: RAY_AUTH_TOKEN, RAY_AUTH_TOKEN_PATH, in token mode Ray's file.

    None where there is no token. Raises TargetError where the file of RAY_AUTH_TOKEN_PATH cannot be read.
    """
    if os.environ.get("RAY_AUTH_MODE") == "disabled":
        return None
    if given := os.environ.get("RAY_AUTH_TOKEN", "").strip():
        return given
    if named := os.environ.get("RAY_AUTH_TOKEN_PATH"):
        try:
            return Path(named).expanduser().read_text().strip()
        except OSError as error:
            raise TargetError(f"RAY_AUTH_TOKEN_PATH: {named} cannot be read: {error.strerror}") from None
    own = Path(OWN_TOKEN).expanduser()
    if os.environ.get("RAY_AUTH_MODE") == "token" and own.is_file():
        with suppress(OSError):  # a file that Ray has written, and lets everyone read
            own.chmod(OWN_FILE)
        return own.read_text().strip()
    return None


def auth_headers() -> dict[str, str]:
    """Return the HTTP headers of every call to a head."""
    shown = token()
    return {"Authorization": f"Bearer {shown}"} if shown else {}


def get(address: str, path: str) -> Any:
    """Return the JSON at ``path`` of the head. Raises TargetError with the reason and the remedy."""
    request = urllib.request.Request(address + path, headers=auth_headers())
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        raise TargetError(_refused(address, error.code)) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        what = "no answer" if isinstance(reason, socket.timeout) else reason
        raise TargetError(
            f"{address} cannot be reached: {what}; is the cluster up, is this the address of its dashboard "
            "(port 8265), and is there a way to it (`kubectl port-forward`, `ssh -L`)?"
        ) from None


def _refused(address: str, code: int) -> str:
    if code == 401:
        return f"{address} wants a token: {TOKEN_HOW}"
    if code == 403:
        return f"{address} does not take this token (that of another cluster?): {TOKEN_HOW}"
    return f"{address} answers {code}: this is not the dashboard of a Ray cluster (ray[default], port 8265)"


def check_version(address: str) -> str:
    """Return the head's version of Ray. Raises TargetError where its minor version differs from ours."""
    there = str(get(address, "/api/version")["ray_version"])
    ours = metadata.version("ray")
    if there.split(".")[:2] != ours.split(".")[:2]:
        wanted = ".".join(ours.split(".")[:2])
        raise TargetError(
            f"{address} runs Ray {there}, and this Paceline needs Ray {wanted} (here: {ours}): use a cluster "
            f"with `pip install 'ray[default,tune,train]=={wanted}.*'`"
        )
    return there


@dataclass(frozen=True)
class Capacity:
    """Resources of each node of a cluster; ``grows`` says whether an autoscaler may add nodes."""

    nodes: tuple[Mapping[str, float], ...]
    grows: bool


def capacity(address: str) -> Capacity | None:
    """Return the cluster's resources; None where the head does not tell.

    Nodes of an autoscaler have node types; in other clusters a node's type is ``node_`` and its name.
    """
    try:
        status = get(address, "/api/cluster_status")["data"]["clusterStatus"]
        nodes = tuple(
            {name: total for name, (_, total) in usage.items()}
            for usage in status["loadMetricsReport"]["usageByNode"].values()
        )
        types = status["autoscalerReport"]["nodeTypeMapping"] or {}
    except (KeyError, TypeError, AttributeError, ValueError):
        return None
    return Capacity(nodes, grows=any(kind != f"node_{node}" for node, kind in types.items()))


def check_capacity(address: str, lane: LaneNeed) -> None:
    """Raise TargetError where one lane does not fit on the cluster. One that may grow is left to the driver."""
    has = capacity(address)
    if has is None or has.grows or not has.nodes:
        return
    places = sum(lane.places(node) for node in has.nodes)
    if places < lane.workers:
        raise TargetError(
            f"resources: a trial asks for {lane}, and {address} has {told(has.nodes, lane.custom)}: it would wait "
            "for ever. Ask for less, or for a larger cluster"
        )
