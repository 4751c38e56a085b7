"""Starts Ray's node without the services that a sweep on one machine does not use, in half of the time."""

from __future__ import annotations

import importlib
import inspect
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any

from cluster.ray_internals import forked_worker, lean_agent
from cluster.ray_internals.forkserver import DRAWN
from cluster.ray_internals.node_options import node_options
from cluster.ray_internals.remains import NodeDied
from search_spaces.types.plain import ASKED_FOR, plain

IDLE: Mapping[str, Any] = {"no_monitor": True, "include_log_monitor": False}
"""Options without which Ray starts what a local one does not need: the autoscaler's monitor, logs for the driver.

With the dashboard, and the agents that Ray waits for, they take most of the time of Ray's start.
"""
NO_PORTS = ("metrics_agent_port", "metrics_export_port", "dashboard_agent_listen_port")
"""Ports on which Ray's agent would listen. Ray writes -1 for one that is not in use."""
ENV_PORT = "runtime_env_agent_port"

NEEDED: Mapping[str, Sequence[str]] = {
    "ray._private.node": ["Node.start_api_server"],
    "ray._private.utils": ["get_dashboard_dependency_error"],
    "ray._private.services": ["get_node", "start_ray_process", "_get_gcs_client_options"],
    "ray._private.state": ["GlobalState._initialize_global_state"],
    "ray._private.parameter": [f"RayParams.__init__({name})" for name in (*IDLE, "setup_worker_path")],
    "ray._raylet": ["persist_port"],
    "ray.actor": [DRAWN],
}
"""Private parts of Ray, by module, needed here and by the fork server; if one is missing, Ray starts unchanged."""
WITHOUT = "Ray starts as it is, some 6 s later"

START_S = 120.0
"""Seconds to wait for Ray's node while its processes run: Ray's own 30 s are too few on a busy machine."""


@contextmanager
def lean_node(variables: Mapping[str, str]) -> Iterator[None]:
    """Make a Ray that starts in the block leave out what is idle and start ``lean_agent``, unless ``why_off``.

    ``variables`` are those of ``fork_server``, inherited by Ray's processes; without any, workers are not forked.
    """
    if why_off():
        yield
        return
    worker = {"setup_worker_path": forked_worker.__file__} if variables else {}
    steps = [(place, name, getattr(place, name), step) for place, name, step in _steps()]
    try:
        os.environ.update(variables)
        for place, name, _, step in steps:
            setattr(place, name, step)
        with node_options(**IDLE, **worker):
            yield
    finally:
        for place, name, old, _ in steps:
            setattr(place, name, old)
        for name in variables:
            del os.environ[name]


def why_off() -> str | None:
    """Return the reason why Ray starts unchanged; None if it starts lean. Usually imports Ray."""
    if plain():
        return ASKED_FOR
    import ray

    lacking = [
        f"{module}: {path}" for module, names in NEEDED.items() for path in names if not _known(module, path)
    ]
    return f"Ray {ray.__version__} has no {', '.join(lacking)}" if lacking else None


def _known(module: str, path: str) -> bool:
    name, _, parameter = path.partition("(")
    try:
        found = attrgetter(name)(importlib.import_module(module))
    except (ImportError, AttributeError):
        return False
    return not parameter or parameter.rstrip(")") in inspect.signature(found).parameters


def _steps() -> list[tuple[Any, str, Any]]:
    """Return the replacements for the time of Ray's start, as (object, attribute, new value)."""
    from ray._private import node, services, utils

    started: dict[str, subprocess.Popen[bytes]] = {}
    return [
        (node.Node, "start_api_server", lambda self, **options: None),
        (utils, "get_dashboard_dependency_error", lambda: ImportError("no dashboard is wanted")),
        (services, "get_node", partial(_node_once_there, services.get_node, started)),
        (services, "start_ray_process", partial(_start, services.start_ray_process, started)),
    ]


def _start(
    start: Callable[..., Any],
    started: dict[str, subprocess.Popen[bytes]],
    command: Sequence[str],
    process_type: str,
    **options: Any,
) -> Any:
    """Call Ray's ``start_ray_process`` and keep the process in ``started``; the raylet waits for no agent."""
    words = _without_waiting(_with_lean_agent(command)) if process_type == "raylet" else command
    info = start(words, process_type, **options)
    started[process_type] = info.process
    return info


def _with_lean_agent(command: Sequence[str]) -> list[str]:
    """Return the raylet's command line with ``lean_agent`` in place of Ray's agent."""
    import ray

    old, new = (
        subprocess.list2cmdline([str(path)])
        for path in (Path(ray.__file__).parent / "dashboard" / "agent.py", lean_agent.__file__)
    )
    return [word.replace(old, new) for word in command]


def _without_waiting(command: Sequence[str]) -> list[str]:
    """Tell the raylet its agents' ports before it starts; return its command line with them.

    It would wait for them, and end where an agent is later than 15 s, a bound that no setting changes. The agent
    for runtime environments takes its port once it is there; a socket that does not listen keeps it free.
    """
    from ray._raylet import persist_port  # type: ignore[attr-defined] # in Cython

    said = dict(word.removeprefix("--").split("=", 1) for word in command if word.startswith("--") and "=" in word)
    family, kind, number, _, address = socket.getaddrinfo(said["node_ip_address"], 0, type=socket.SOCK_STREAM)[0]
    kept = socket.socket(family, kind, number)
    kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    kept.bind(address)
    port = kept.getsockname()[1]
    kept.detach()  # open as long as this process lives
    for name, value in (*((name, -1) for name in NO_PORTS), (ENV_PORT, port)):
        persist_port(said["session_dir"], said["node_id"], name, value)
    option = f"--{ENV_PORT.replace('_', '-')}="
    return [word.replace(f"{option}0", f"{option}{port}") for word in command]


def _node_once_there(
    get_node: Callable[[str, str], Any],
    started: Mapping[str, subprocess.Popen[bytes]],
    gcs_address: str,
    node_id: str,
) -> Any:
    """Wait for the node, then call Ray's ``get_node``, which by itself looks for it only once a second.

    Raises NodeDied as soon as one of the node's processes has ended.
    """
    from ray._private import services, state

    nodes: Any = state.GlobalState()  # type: ignore[no-untyped-call] # Ray's, like all of this
    nodes._initialize_global_state(services._get_gcs_client_options(gcs_address))  # type: ignore[no-untyped-call]
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and all(node["NodeID"] != node_id for node in nodes.node_table()):
        for name, process in started.items():
            if (code := process.poll()) is not None:
                raise NodeDied(name, code)
        time.sleep(0.02)
    return get_node(gcs_address, node_id)
