"""Starts Ray's node without the services that a sweep on one machine does not use, in half of the time."""

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
"""Services that a local Ray does not need: the autoscaler's monitor, the dashboard, logs sent to the driver.

Together with the modules that ``lean_agent`` leaves out they take half of the time of Ray's start.
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
"""Private parts of Ray, by module, needed here and by the fork server; if one is missing, Ray starts unchanged."""
WITHOUT = "Ray starts as it is, some 6 s later"

START_S = 30.0
"""Seconds that Ray itself waits for its node."""


@contextmanager
def lean_node(variables: Mapping[str, str]) -> Iterator[None]:
    """Make a Ray that starts in the block leave out ``IDLE`` and start ``lean_agent``, unless ``why_off``.

    ``variables`` are those of ``fork_server``, inherited by Ray's processes; without any, workers are not forked.
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


def _steps(forking: bool) -> list[tuple[Any, str, Any]]:
    """Return the replacements for the time of Ray's start, as (object, attribute, new value)."""
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
    """Call Ray's ``start_ray_process`` with ``lean_agent`` in place of Ray's agent in the command line."""
    from ray._private import services

    old, new = (
        subprocess.list2cmdline([str(path)])
        for path in (Path(services.RAY_PATH) / "dashboard" / "agent.py", lean_agent.__file__)
    )
    return start([word.replace(old, new) for word in command], *args, **options)


def _node_once_there(get_node: Callable[[str, str], Any], gcs_address: str, node_id: str) -> Any:
    """Wait for the node, then call Ray's ``get_node``, which by itself looks for it only once a second."""
    from ray._private import services, state

    nodes: Any = state.GlobalState()  # type: ignore[no-untyped-call] # Ray's, like all of this
    nodes._initialize_global_state(services._get_gcs_client_options(gcs_address))  # type: ignore[no-untyped-call]
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and all(node["NodeID"] != node_id for node in nodes.node_table()):
        time.sleep(0.02)
    return get_node(gcs_address, node_id)
