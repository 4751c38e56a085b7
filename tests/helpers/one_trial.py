"""Trains one trial of a user's function without Ray, whole or in parts, alone or as one of a group of processes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from search_spaces.race.legs import Leg, Member, MemberEpoch
from search_spaces.types.objective import Objective
from search_spaces.types.problems import COSTS, Goal
from tests.helpers.workload_data import blobs, search_data
from workloads.data.search_data import SearchData
from workloads.legs.runner import LegRunner, LegSetting
from workloads.training.process_group import ALONE, ProcessGroup


def runner(
    folder: Path,
    name: str,
    group: ProcessGroup = ALONE,
    objective: str = "val_loss",
    search: SearchData | None = None,
) -> LegRunner:
    """Return what trains the function ``name``, on three classes of patterns unless there are other data."""
    goal: Goal = "minimize" if "loss" in objective else "maximize"
    setting = LegSetting(name, Objective(objective, goal), str(folder), device="cpu")
    return LegRunner(setting, search or search_data(), blobs(30, 2), group)


def leg(start: int, stop: int, checkpoint: str | None = None, horizon: int = 4, **params: Any) -> Leg:
    """Return the trial's training from epoch ``start`` to ``stop``."""
    member = Member(trial=0, seed=1, params=params, checkpoint=checkpoint)
    return Leg(id=0, start=start, stop=stop, horizon=horizon, members=(member,))


def reported(lane: LegRunner, wanted: Leg) -> list[MemberEpoch]:
    """Train the leg and return what is told of each epoch."""
    lane.start(wanted)
    told: list[MemberEpoch] = []
    while not lane.done:
        told += lane.epoch()
    return told


def trained(lane: LegRunner, wanted: Leg) -> list[tuple[int, dict[str, float]]]:
    """Train the leg and return each epoch's metrics but those that tell how long something took."""
    return [
        (one.epoch, {name: value for name, value in one.metrics.items() if not _of_time(name)})
        for one in reported(lane, wanted)
    ]


def _of_time(name: str) -> bool:
    return name in COSTS or name.endswith(("_runtime", "_per_second"))


def resumed(name: str, group: ProcessGroup, folder: Path, objective: str = "val_loss", **params: Any) -> Any:
    """Train for four epochs, then two and two; return what both report, and the checkpoint in between."""
    lanes = [runner(folder / part, name, group, objective) for part in ("whole", "parts", "parts")]
    whole = trained(lanes[0], leg(0, 4, **params))
    first = trained(lanes[1], leg(0, 2, **params))
    [saved] = lanes[1].save()
    group.gathered(None)  # rank 0 has written it
    assert saved.uri is not None
    return whole, first + trained(lanes[2], leg(2, 4, saved.uri, **params)), saved.uri
