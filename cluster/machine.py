"""Ray on this machine: its start and the data that every lane shares."""

from __future__ import annotations

import importlib
import logging
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
# A driver would wait for its first workers with the interpreter locked, in the midst of its own imports.
os.environ.setdefault("RAY_prestart_worker_first_driver", "0")
os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
os.environ.setdefault("TUNE_DISABLE_SIGINT_HANDLER", "1")
os.environ.setdefault("TUNE_GLOBAL_CHECKPOINT_S", "100000")
# Lanes keep the memory of a training step for the next one: giving it back costs up to 1,000 page faults a step.
os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(32 * 2**20))
os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(128 * 2**20))
os.environ.setdefault("PL_DISABLE_FORK", "1")  # what Tune would give its actors

from cluster.forkserver import fork_server
from cluster.lean_node import lean_node
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

        with lean_node(variables):
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
