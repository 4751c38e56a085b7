"""Ray's own node without what a sweep on one machine has no use for: half of the time that it takes to start."""

from __future__ import annotations

import importlib
import inspect
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial, partialmethod
from operator import attrgetter
from pathlib import Path
from typing import Any

from cluster.ray_internals import forked_worker, lean_agent
from cluster.ray_internals.forkserver import DRAWN
from search_spaces.types.plain import ASKED_FOR, plain

IDLE = ("start_monitor", "start_api_server", "start_log_monitor")
"""What a Ray of our own has no use for: an autoscaler, a web page's server, logs sent to the driver.

With what ``lean_agent`` leaves out they are half of the time that Ray takes to start.
"""

NEEDED: Mapping[str, Sequence[str]] = {
    "ray._private.node": [f"Node.{name}" for name in IDLE],
    "ray._private.utils": ["get_dashboard_dependency_error"],
    "ray._private.services": ["get_node", "start_ray_process", "RAY_PATH", "_get_gcs_client_options"],
    "ray._private.state": ["GlobalState._initialize_global_state"],
    "ray._private.parameter": ["RayParams.__init__(setup_worker_path)"],
    "ray.dashboard.utils": ["get_all_modules"],
    "ray.actor": [DRAWN],
}
"""What Ray must have inside, for this and for the fork server: without any of it nothing is replaced."""
WITHOUT = "Ray starts as it is, some 6 s later"

START_S = 30.0
"""Ray's own patience with its node."""


@contextmanager
def lean_node(variables: Mapping[str, str]) -> Iterator[None]:
    """Ray's node starts without what is ``IDLE``, and with a small agent, unless ``why_off`` tells otherwise.

    ``variables`` tell of a fork server; without them workers start as ever. Ray's processes keep them.
    """
    if why_off():
        yield
        return
    steps = [(place, name, getattr(place, name), step) for place, name, step in _steps(forking=bool(variables))]
    try:
        os.environ.update(variables)
        for place, name, _, step in steps:
            setattr(place, name, step)
        yield
    finally:
        for place, name, old, _ in steps:
            setattr(place, name, old)
        for name in variables:
            del os.environ[name]


def why_off() -> str | None:
    """Why Ray starts as it is; None where it starts lean. Imports Ray, unless the plain ways are wanted."""
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


def _steps(forking: bool) -> list[tuple[Any, str, Any]]:
    """What is put in the place of what, for as long as Ray starts: object, name, replacement."""
    from ray._private import node, parameter, services, utils

    steps: list[tuple[Any, str, Any]] = [(node.Node, name, lambda self, **options: None) for name in IDLE]
    steps += [
        (utils, "get_dashboard_dependency_error", lambda: ImportError("no dashboard is wanted")),
        (services, "get_node", partial(_node_once_there, services.get_node)),
        (services, "start_ray_process", partial(_with_lean_agent, services.start_ray_process)),
    ]
    if forking:
        init: Any = parameter.RayParams.__init__
        steps += [(parameter.RayParams, "__init__", partialmethod(init, setup_worker_path=forked_worker.__file__))]
    return steps


def _with_lean_agent(start: Callable[..., Any], command: Sequence[str], *args: Any, **options: Any) -> Any:
    """Ray's ``start_ray_process``; of a node the command line names ``lean_agent`` instead of Ray's agent."""
    from ray._private import services

    old, new = (
        subprocess.list2cmdline([str(path)])
        for path in (Path(services.RAY_PATH) / "dashboard" / "agent.py", lean_agent.__file__)
    )
    return start([word.replace(old, new) for word in command], *args, **options)


def _node_once_there(get_node: Callable[[str, str], Any], gcs_address: str, node_id: str) -> Any:
    """Ray's ``get_node``, which looks for the node once a second, as soon as it is there."""
    from ray._private import services, state

    nodes: Any = state.GlobalState()  # type: ignore[no-untyped-call] # Ray's, like all of this
    nodes._initialize_global_state(services._get_gcs_client_options(gcs_address))  # type: ignore[no-untyped-call]
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and all(node["NodeID"] != node_id for node in nodes.node_table()):
        time.sleep(0.02)
    return get_node(gcs_address, node_id)
