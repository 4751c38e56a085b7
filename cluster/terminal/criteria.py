"""What a sweep's trials have come to in the metrics that decide besides its first objective, for views and JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from cluster.terminal import formatting
from cluster.terminal.records import Row
from search_spaces.criteria.constraints import Constraint, Criteria
from search_spaces.criteria.measures import Measures
from search_spaces.types.objective import Objective

if TYPE_CHECKING:
    from search_spaces.study.contract import Record


def measured_at_best(record: Record, objective: Objective, criteria: Criteria) -> dict[str, float]:
    """Return the values with which a trial counts now, of its latest best epoch; empty without criteria."""
    if not criteria:
        return {}
    best = objective.best(sorted(record.values, reverse=True), lambda epoch: record.values[epoch])
    return Measures(criteria, record.measured).at(best, max(record.values, default=0))


def constraints(found: Sequence[Row], criteria: Criteria) -> list[dict[str, Any]]:
    """Return each constraint with the number of trials that break it; those at work are counted as they are now."""
    return [
        {
            "metric": one.metric,
            "min": one.min,
            "max": one.max,
            "num_broken": sum(
                1 for row in found if one.metric in row.beside and one.excess(row.beside[one.metric]) > 0
            ),
        }
        for one in criteria.constraints
    ]


def infeasible_lines(found: Sequence[Mapping[str, Any]] | None) -> list[Text]:
    """Return a line on each of the document's constraints that a trial breaks."""
    lines = []
    for one in found or ():
        if num := one["num_broken"]:
            bounds = Constraint(metric=one["metric"], max=one["max"], min=one["min"])
            verb = "breaks" if num == 1 else "break"
            lines.append(Text(f"{formatting.count(num, 'trial')} {verb} the constraint {bounds}", "yellow"))
    return lines


def told(criteria: Criteria) -> str:
    """Return the constraints in one line: ``latency_ms <= 5, params_m <= 2``."""
    return ", ".join(map(str, criteria.constraints))
