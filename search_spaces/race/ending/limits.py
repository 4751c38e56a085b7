"""The limits and the end rules of a sweep's race, from its spec."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from search_spaces.race.ending.budget import Limits, schedule_epochs
from search_spaces.race.ending.contract import EndRule
from search_spaces.race.ending.plateau import INCUMBENT, Plateau
from search_spaces.race.ending.regret import Regret
from search_spaces.race.track import Track
from search_spaces.schedules.contract import Schedule
from search_spaces.spec.keys.budget import StopWhen
from search_spaces.spec.keys.rates import HOUR_S, TOLD, lane_rates
from search_spaces.study.study import Study

if TYPE_CHECKING:
    from search_spaces.spec.sweep import Sweep


def lane_seconds(sweep: Sweep) -> dict[str, float]:
    """Return the seconds of training that each of the budget's limits is enough for, by its name; not of epochs."""
    given, rates = sweep.budget.given if sweep.budget else {}, lane_rates(sweep.resources, sweep.cost_per_hour)
    return {name: HOUR_S * given[name] / rate for name, rate in rates.items() if name in given and rate}


def num_affordable(schedule: Schedule, epochs: int, most: int) -> int:
    """Return how many trials, of ``most``, the schedule is expected to bring to their end in so many epochs."""
    return bisect_right(range(1, most + 1), epochs, key=schedule_epochs(schedule))


def sweep_limits(sweep: Sweep) -> Limits:
    """Return the limits of the sweep's budget, of those in hours and money the one that is reached first."""
    if sweep.budget is None:
        return Limits()
    seconds = lane_seconds(sweep)
    first = min(seconds, key=lambda name: seconds[name], default=None)
    if first is None:
        return Limits(epochs=sweep.budget.epochs)
    return Limits(epochs=sweep.budget.epochs, lane_s=seconds[first], lane_told=limit_told(sweep, first))


def limit_told(sweep: Sweep, name: str) -> str:
    """Return a limit of the sweep's budget in words: ``500 epochs``, ``4 lane-hours``, ``cost 20``."""
    assert sweep.budget is not None
    return TOLD.get(name, "{} epochs").format(sweep.budget.given[name])


def end_rules(sweep: Sweep, tracks: Sequence[Track], study: Study | None) -> list[EndRule]:
    """Return the rules of the sweep's ``stop_when``, which know the ``tracks`` of earlier drivers."""
    wanted, rules = sweep.stop_when or StopWhen(), list[EndRule]()
    if wanted.no_improvement is not None:
        noted = study.facts().get(INCUMBENT) if study else None
        note = partial(study.set, INCUMBENT) if study else lambda noted: None
        rules.append(Plateau(wanted.no_improvement, sweep.objective, tracks, noted, note))
    if wanted.regret_below is not None and sweep.space.domains:
        regret = Regret(wanted.regret_below, sweep.space, sweep.objective, sweep.seed, sweep.epochs)
        rules.append(regret)
        for track in tracks:
            (regret.ended if track.ended else regret.moved)(track)
    return rules
