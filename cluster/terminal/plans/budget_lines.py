"""Previews what the budget of a sweep is enough for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cluster.terminal import formatting
from search_spaces.race.ending.limits import lane_seconds, num_affordable
from search_spaces.schedules.contract import Schedule
from search_spaces.spec.keys.rates import HOUR_S, TOLD
from search_spaces.spec.sweep import Sweep


def document(sweep: Sweep, plan: Schedule, trials: int) -> dict[str, Any] | None:
    """Return by resource the ``limit`` and the ``trials`` that it is enough for; None where that shows later."""
    if sweep.budget is None:
        return None
    fits = {"epochs": num_affordable(plan, sweep.budget.epochs, trials)} if sweep.budget.epochs else {}
    return {name: {"limit": limit, "trials": fits.get(name)} for name, limit in sweep.budget.given.items()}


def told(sweep: Sweep, budget: Mapping[str, Any], trials: int) -> str:
    """Return the budget, how many trials it is enough for, and of hours and money when that will be known."""
    lines = []
    for name, known in budget.items():
        what = TOLD[name].format(known["limit"]) if name in TOLD else f"{known['limit']} epochs"
        if known["trials"] is not None:
            seeds = ", each with one seed" if sweep.repeats else ""
            fits = f"{known['trials']} of {formatting.count(trials, 'trial')}"
            lines.append(f"{what}, enough for about {fits}{seeds}")
        elif name == "lane_hours":
            lines.append(what)
        else:
            lines.append(f"{what}, which is {lane_seconds(sweep)[name] / HOUR_S:.3g} lane-hours")
    late = "; how many trials that takes shows once the first are trained" if lane_seconds(sweep) else ""
    return "; ".join(lines) + late
