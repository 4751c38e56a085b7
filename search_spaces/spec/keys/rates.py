"""What an hour of a sweep's lane uses of the resources that a budget limits. Imports no pydantic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from search_spaces.spec.keys.budget import CostPerHour
    from search_spaces.spec.keys.resources import Resources

HOUR_S: Final = 3600.0
TOLD: Final = {"lane_hours": "{:g} lane-hours", "gpu_hours": "{:g} GPU-hours", "cost": "cost {:g}"}
"""Limits in words, by their names; that of epochs is a whole number."""


def lane_rates(resources: Resources, prices: CostPerHour | None) -> dict[str, float]:
    """Return what an hour of one lane uses, by the name of the limit: lane-hours, GPU-hours, money.

    Where the number of a trial's processes varies, it counts as the largest.
    """
    workers, cpus, gpus = resources.most, resources.cpus, resources.gpus
    money = workers * (cpus * prices.cpu + gpus * prices.gpu) if prices else 0.0
    return {"lane_hours": 1.0, "gpu_hours": workers * gpus, "cost": money}
