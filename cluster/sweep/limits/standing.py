"""What would end a search that goes on at once: a limit that is used up, or an end that is reached."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cluster.sweep.limits.spending import uses
from search_spaces.race.ending.regret import SURE

if TYPE_CHECKING:
    from cluster.sweep.reading import Reading
    from search_spaces.spec.sweep import Sweep

BUDGET = "the budget of "
"""Beginning of what is told of a search that ended as its budget was used up."""


class Standing(NamedTuple):
    """A limit that stands in the way: why, in words, and the key of the spec that lifts it."""

    why: str
    key: str


def standing(read: Reading, sweep: Sweep) -> Standing | None:
    """Return what would end the search of ``read`` at once if it went on as ``sweep``; None where nothing would."""
    cost, ended_by = read.facts.cost, read.facts.ended_by or ""
    spent_s = float(cost.get("search_seconds", cost.get("seconds", 0.0)))
    if sweep.timeout_s is not None and spent_s >= sweep.timeout_s:
        return Standing(f"the timeout of {sweep.timeout_s:g} s is used up after {spent_s:.0f} s", "timeout")
    target = sweep.metric.target
    if target is not None and any(sweep.objective.reaches(row.best_value, target) for row in read.rows):
        return Standing(f"the target of {target:g} is reached", "metric.target")
    if ended_by.startswith(SURE) and sweep.stop_when and sweep.stop_when == read.sweep.stop_when:
        return Standing(ended_by, "stop_when.regret_below")
    spent = [use.name for use in uses(sweep, cost) if use.limit is not None and use.used >= use.limit]
    if ended_by.startswith(BUDGET) and sweep.budget and (spent or sweep.budget == read.sweep.budget):
        return Standing(ended_by, f"budget.{(spent or list(sweep.budget.given))[0]}")
    return None
