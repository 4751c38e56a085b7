"""Ray on this machine: its start and the data that every lane shares."""

from __future__ import annotations

import importlib
import inspect
import logging
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial, partialmethod
from typing import TYPE_CHECKING, Any

os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
os.environ.setdefault("TUNE_DISABLE_SIGINT_HANDLER", "1")
os.environ.setdefault("TUNE_GLOBAL_CHECKPOINT_S", "100000")
# Lanes keep the memory of a training step for the next one: giving it back costs up to 1,000 page faults a step.
os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(32 * 2**20))
os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(128 * 2**20))
os.environ.setdefault("PL_DISABLE_FORK", "1")  # what Tune would give its actors

from cluster import forked_worker
from cluster.forkserver import fork_server
from cluster.reports import Shared
from cluster.size import LaneSize, num_cpus
from workloads.importing import importing

if TYPE_CHECKING:
    import ray

    from cluster.home import SweepHome
    from cluster.preparing import Loaded
    from search_spaces.sweep import Sweep


EARLY = ("cluster.tuning", "pandas")
"""Imported in a thread while Ray's processes start: Tune alone takes a second."""


IDLE = ("start_monitor", "start_api_server", "start_log_monitor")
"""What a Ray of our own has no use for: an autoscaler, a web page's server, logs sent to the driver.

With the agent of each node, which is waited for, they are half of the time that Ray takes to start.
"""

START_S = 30.0
"""Ray's own patience with its node."""


def import_early() -> None:
    """See ``EARLY``."""
    with importing():
        for name in EARLY:
            importlib.import_module(name)


@contextmanager
def local_ray(size: LaneSize, leave: bool) -> Iterator[None]:
    """A Ray of its own on this machine, quiet, whatever other cluster there may be.

    With ``leave`` it is not ended behind a block that went well: its processes end with this one, and whoever is
    about to exit need not wait a second for them.
    """
    with fork_server(leave) as variables:
        import ray  # here, so that the data's process and the server are under way before

        with _lean(variables):
            ray.init(
                address="local",
                num_cpus=max(num_cpus(), math.ceil(size.all_cpus)),
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
        try:
            yield
        except BaseException:
            ray.shutdown()
            raise
        if not leave:
            ray.shutdown()


@contextmanager
def _lean(variables: Mapping[str, str]) -> Iterator[None]:
    """Ray's node starts without what is ``IDLE``, and with a small agent, where it knows of these steps.

    ``variables`` tell of a fork server; without them workers start as ever. Ray's processes keep them.
    """
    from ray._private import node, parameter, services, utils

    new: list[tuple[Any, str, Any]] = [(node.Node, name, lambda self, **options: None) for name in IDLE]
    new += [(utils, "get_dashboard_dependency_error", lambda: ImportError("no dashboard is wanted"))]
    if hasattr(services, "get_node"):
        new += [(services, "get_node", partial(_node_once_there, services.get_node))]
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


def _node_once_there(get_node: Callable[[str, str], Any], gcs_address: str, node_id: str) -> Any:
    """Ray's ``get_node``, which looks for the node once a second, as soon as it is there."""
    from ray._private import services, state

    nodes: Any = state.GlobalState()  # type: ignore[no-untyped-call] # Ray's, like all of this
    nodes._initialize_global_state(services._get_gcs_client_options(gcs_address))  # type: ignore[no-untyped-call]
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and all(node["NodeID"] != node_id for node in nodes.node_table()):
        time.sleep(0.02)
    return get_node(gcs_address, node_id)


@dataclass(frozen=True)
class SharedData:
    """The prepared data in the object store."""

    search: ray.ObjectRef[Any]
    test: ray.ObjectRef[Any]


def share(loaded: Loaded) -> SharedData:
    """Puts both parts into the object store, once for all lanes."""
    import ray

    return SharedData(ray.put(loaded.search), ray.put(loaded.test))


def shared(home: SweepHome, sweep: Sweep, data: SharedData) -> Shared:
    """What the sweep's lanes are given at birth."""
    setting = {
        "workload": sweep.workload,
        "objective": sweep.metric.name,
        "goal": sweep.metric.goal,
        "checkpoints": home.checkpoints,
        "device": "auto" if sweep.resources.gpus else "cpu",
        "lr_scaling": sweep.resources.lr_scaling,
    }
    return Shared(setting, data.search, home.stop_mark, sweep.tracking.uri)
