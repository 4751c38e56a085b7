"""Puts the search's data into Ray's object store, one copy for all lanes of a machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cluster.sweep.messages import Shared
from tracking.store.open import resolve
from workloads.models.custom.workload import interface
from workloads.registry import described

if TYPE_CHECKING:
    import ray

    from cluster.sweep.data_process import Loaded
    from cluster.sweep.home import SweepHome
    from cluster.sweep.steering.leg_marks import LegMarks
    from search_spaces.spec.sweep import Sweep


@dataclass(frozen=True)
class SharedData:
    """References to the prepared data in the object store."""

    search: ray.ObjectRef[Any]
    test: ray.ObjectRef[Any]


def share(loaded: Loaded) -> SharedData:
    """Put the search data and the test split into the object store, once for all lanes."""
    import ray

    return SharedData(ray.put(loaded.search), ray.put(loaded.test))


def shared(home: SweepHome, sweep: Sweep, data: SharedData, leg_marks: LegMarks) -> Shared:
    """Return the settings and data that every lane of the sweep starts with."""
    setting = {
        "workload": sweep.workload,
        "objective": sweep.objective,
        "checkpoints": home.checkpoints,
        "device": "auto" if sweep.resources.gpus else "cpu",
        "lr_scaling": sweep.resources.lr_scaling,
        "criteria": sweep.criteria,
        "command": sweep.command,
        "sweep": home.id,
        "project": sweep.tracking.experiment or sweep.name,
    }
    store = resolve(sweep.tracking.uri)  # absolute: each lane has a working folder of its own
    read = interface(described(sweep.workload)) if ":" in sweep.workload else {}
    return Shared(
        setting,
        data.search,
        home.stop_mark,
        leg_marks,
        store,
        logs=str(home.logs),
        interface=read,
        folder=sweep.folder,
        env=sweep.env,
        packages=sweep.packages,
    )
