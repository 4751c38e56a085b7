"""Ray on this machine: its start, and the data that every lane shares."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
os.environ.setdefault("TUNE_DISABLE_SIGINT_HANDLER", "1")
os.environ.setdefault("TUNE_GLOBAL_CHECKPOINT_S", "100000")

import ray

from cluster.lane import Shared
from cluster.size import LaneSize, num_cpus

if TYPE_CHECKING:
    from cluster.home import SweepHome
    from search_spaces.data import Data
    from search_spaces.sweep import Sweep


@contextmanager
def ray_for(size: LaneSize) -> Iterator[None]:
    """A Ray of its own on this machine, quiet, whatever other cluster there may be."""
    ray.init(
        address="local",
        num_cpus=max(num_cpus(), math.ceil(size.count * size.cpus)),
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    try:
        yield
    finally:
        ray.shutdown()


@dataclass(frozen=True)
class SharedData:
    """The prepared data in the object store, and what the driver may know of it."""

    search: ray.ObjectRef[Any]
    test: ray.ObjectRef[Any]
    card: Mapping[str, Any]
    indices: Mapping[str, list[int]]


def prepare_data(data: Data, size: LaneSize) -> SharedData:
    """Loads and splits the data once, in a worker; meanwhile the other workers warm up for their legs.

    Raises what ``workloads.data.prepare`` raises.
    """
    for _ in range(size.count):
        _warm_up.remote()
    refs: Any = _prepare.options(num_cpus=0).remote(data.model_dump_json())
    search, test, facts = refs
    card, indices = ray.get(facts)
    return SharedData(search, test, card, indices)


def shared(home: SweepHome, sweep: Sweep, data: SharedData) -> Shared:
    """What the sweep's lanes are given at birth."""
    setting = {
        "workload": sweep.workload,
        "objective": sweep.metric.name,
        "goal": sweep.metric.goal,
        "checkpoints": str(home.checkpoints),
    }
    return Shared(setting, data.search, home.stop_mark)


@ray.remote(num_returns=3)
def _prepare(text: str) -> tuple[Any, Any, Any]:
    from search_spaces.data import Data
    from workloads.data import prepare

    prepared = prepare(Data.model_validate_json(text))
    indices = {name: rows.tolist() for name, rows in prepared.indices.items()}
    return prepared.search, prepared.test, (prepared.card.to_dict(), indices)


@ray.remote
def _warm_up() -> None:
    """Ray gives an idle worker to the next actor: a lane begins where torch is imported already."""
    import workloads.leg  # noqa: F401
