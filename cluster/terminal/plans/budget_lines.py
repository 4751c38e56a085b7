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
    """Return by resource the ``limit`` and the ``trials`` that it is enough for; None where that shows later.

    They are that many with one seed each; ``trials_with_all_seeds`` are where ``repeats`` trains every trial again.
    """
    if sweep.budget is None:
        return None
    epochs, seeds = sweep.budget.epochs, sweep.repeats.seeds if sweep.repeats else 1
    known: dict[str, int | None] = {"trials": None, "trials_with_all_seeds": None}
    fits = known
    if epochs:
        fits = {
            name: num_affordable(plan, epochs // num, trials) for name, num in zip(known, (1, seeds), strict=True)
        }
    return {
        name: {"limit": limit, **(fits if name == "epochs" else known)}
        for name, limit in sweep.budget.given.items()
    }


def told(sweep: Sweep, budget: Mapping[str, Any], trials: int) -> str:
    """Return the budget, how many trials it is enough for, and of hours and money when that will be known."""
    lines = []
    for name, known in budget.items():
        what = TOLD[name].format(known["limit"]) if name in TOLD else f"{known['limit']} epochs"
        if known["trials"] is not None:
            fits, least = (
                f"{known['trials']} of {formatting.count(trials, 'trial')}",
                known["trials_with_all_seeds"],
            )
            seeds = f", for {least} where all get {sweep.repeats.seeds} seeds" if sweep.repeats else ""
            lines.append(f"{what}, enough for about {fits}{seeds}")
        elif name == "lane_hours":
            lines.append(what)
        else:
            lines.append(f"{what}, which is {lane_seconds(sweep)[name] / HOUR_S:.3g} lane-hours")
    late = "; how many trials that takes shows once the first are trained" if lane_seconds(sweep) else ""
    return "; ".join(lines) + late
