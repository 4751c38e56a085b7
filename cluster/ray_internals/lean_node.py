"""Ray's own node without what a sweep on one machine has no use for: half of the time that it takes to start."""

from __future__ import annotations

import inspect
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial, partialmethod
from pathlib import Path
from typing import Any

from cluster.ray_internals import forked_worker, lean_agent

IDLE = ("start_monitor", "start_api_server", "start_log_monitor")
"""What a Ray of our own has no use for: an autoscaler, a web page's server, logs sent to the driver.

With what ``lean_agent`` leaves out they are half of the time that Ray takes to start.
"""

START_S = 30.0
"""Ray's own patience with its node."""


@contextmanager
def lean_node(variables: Mapping[str, str]) -> Iterator[None]:
    """Ray's node starts without what is ``IDLE``, and with a small agent, where it knows of these steps.

    ``variables`` tell of a fork server; without them workers start as ever. Ray's processes keep them.
    """
    from ray._private import node, parameter, services, utils

    new: list[tuple[Any, str, Any]] = [(node.Node, name, lambda self, **options: None) for name in IDLE]
    new += [(utils, "get_dashboard_dependency_error", lambda: ImportError("no dashboard is wanted"))]
    if hasattr(services, "get_node"):
        new += [(services, "get_node", partial(_node_once_there, services.get_node))]
    if hasattr(services, "start_ray_process"):
        new += [(services, "start_ray_process", partial(_with_lean_agent, services.start_ray_process))]
    init: Any = parameter.RayParams.__init__
    if variables and "setup_worker_path" in inspect.signature(init).parameters:
        new += [(parameter.RayParams, "__init__", partialmethod(init, setup_worker_path=forked_worker.__file__))]
    known = [(place, name, getattr(place, name), step) for place, name, step in new if hasattr(place, name)]
    try:
        os.environ.update(variables)
        for place, name, _, step in known:
            setattr(place, name, step)
        yield
    finally:
        for place, name, old, _ in known:
            setattr(place, name, old)
        for name in variables:
            del os.environ[name]


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
