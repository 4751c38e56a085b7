"""What would end a search that goes on at once: a limit that is used up, or an end that is reached."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cluster.sweep.limits.spending import uses
from search_spaces.race.ending.budget import USED_UP
from search_spaces.race.ending.limits import limit_told
from search_spaces.race.ending.regret import SURE
from search_spaces.race.search import sweep_schedule

if TYPE_CHECKING:
    from cluster.sweep.reading import Reading
    from search_spaces.spec.sweep import Sweep

BUDGET = USED_UP.split("{}")[0]
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
    if name := _used_up(read, sweep):
        return Standing(ended_by if ended_by.startswith(BUDGET) else _told(read, sweep, name), f"budget.{name}")
    return None


def _told(read: Reading, sweep: Sweep, name: str) -> str:
    """Return that a limit of the budget is used up, and of epochs what is left, too few for a trial."""
    left = [int(use.limit - use.used) for use in uses(sweep, read.facts.cost) if use.limit and use.name == name]
    but = f" but for {left[0]}, too few for another trial" if name == "epochs" and left[0] > 0 else ""
    return USED_UP.format(limit_told(sweep, name)) + but


def _used_up(read: Reading, sweep: Sweep) -> str | None:
    """Return the limit of the budget that is used up, or that ended the search and is no higher now; None: none."""
    before, now = (one.budget.given if one.budget else {} for one in (read.sweep, sweep))
    ended_by = read.facts.ended_by or ""
    ended = [name for name in before if ended_by.startswith(USED_UP.format(limit_told(read.sweep, name)))]
    if ended_by.startswith(BUDGET) and not ended and before == now:  # it was another limit then
        ended = list(before)
    least = sweep_schedule(sweep).rungs[0]  # epochs of any trial
    limited = [(use, use.limit) for use in uses(sweep, read.facts.cost) if use.limit is not None]
    spent = [u.name for u, limit in limited if u.used >= limit or (u.name == "epochs" and u.used + least > limit)]
    return next(
        (name for name in [*ended, *spent] if name in now and (name in spent or now[name] <= before[name])), None
    )
