"""What a sweep's trials have come to in the metrics that decide besides its first objective, for views and JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cluster.terminal import formatting
from cluster.terminal.records import Row
from search_spaces.criteria.constraints import Constraint, Criteria
from search_spaces.criteria.measures import Measures, Standing
from search_spaces.types.objective import Objective
from search_spaces.types.trial_names import trial_name
from search_spaces.types.values import Params, stored

if TYPE_CHECKING:
    from rich.text import Text

    from search_spaces.study.contract import Record

SHOWN, SETTINGS = 20, 12
"""Numbers of trials of a front that are listed, and of hyperparameters of each."""


def measured_at_best(record: Record, objective: Objective, criteria: Criteria) -> dict[str, float]:
    """Return the values with which a trial counts now, of its latest best epoch; empty without criteria."""
    if not criteria:
        return {}
    return dict(Standing.of(objective, record.values, Measures(criteria, record.measured)).measured)


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


def _vector(row: Row, criteria: Criteria) -> list[float] | None:
    """Return all objectives of a trial; None where one is not known, or it is out of the question."""
    found = [row.best_value, *(row.beside.get(other.name) for other in criteria.others)]
    known = [value for value in found if value is not None]
    return known if len(known) == len(found) and row.feasible and row.state != "failed" else None


def placed(found: Sequence[Row], objective: Objective, criteria: Criteria) -> list[Row]:
    """Return the rows with their places by several objectives; unchanged where there is one."""
    able = [(i, vector) for i, row in enumerate(found) if criteria.others and (vector := _vector(row, criteria))]
    if not able:
        return list(found)
    points, front = _points([vector for _, vector in able], objective, criteria), _front()
    places = {able[place][0]: order for order, place in enumerate(front.ordered(points))}
    best = {able[place][0] for place in front.front(points)}
    return [replace(row, order=places.get(i), on_front=i in best) for i, row in enumerate(found)]


def _points(vectors: Sequence[Sequence[float]], objective: Objective, criteria: Criteria) -> Any:
    import numpy as np

    objectives = (objective, *criteria.others)
    return np.array([[one.signed(x) for one, x in zip(objectives, v, strict=True)] for v in vectors])


def _front() -> Any:
    from search_spaces.criteria import front  # 60 ms: NumPy, and only for several objectives

    return front


def pareto_front(found: Sequence[Row], objective: Objective, criteria: Criteria) -> dict[str, Any] | None:
    """Return the front of several objectives, in the order of the first, with its hypervolume; None with one.

    The volume counts from the worst value of each objective among the trials that keep the constraints.
    """
    objectives = (objective, *criteria.others)
    able = [(row, vector) for row in found if criteria.others and (vector := _vector(row, criteria))]
    if not able:
        return None
    points = _points([vector for _, vector in able], objective, criteria)
    worst, names = points.max(0), [one.name for one in objectives]
    signs = [1 if one.ascending else -1 for one in objectives]
    return {
        "metrics": [{"name": one.name, "goal": one.goal} for one in objectives],
        "trials": [
            {
                "number": able[place][0].number,
                "values": dict(zip(names, able[place][1], strict=True)),
                "params": stored(able[place][0].params),
            }
            for place in _front().front(points)
        ],
        "hypervolume": _front().hypervolume(points, worst),
        "reference": {name: sign * float(x) for name, sign, x in zip(names, signs, worst, strict=True)},
    }


def front_lines(found: Mapping[str, Any] | None) -> list[Text]:
    """Return a heading and a line for each trial of the document's front, in the order of the first objective."""
    from rich.text import Text  # 50 ms

    if not found:
        return []
    goals = " and ".join(f"{one['goal']} {one['name']}" for one in found["metrics"])
    since = ", ".join(f"{name} {_exact(value)}" for name, value in found["reference"].items())
    volume = f"hypervolume {found['hypervolume']:.4g} from {since}"
    trials = found["trials"]
    lines = [Text(f"front ({goals}): {formatting.count(len(trials), 'trial')}, {volume}", "bold")]
    for one in trials[:SHOWN]:
        line = Text(f"  {trial_name(one['number'])}  ")
        for name, value in one["values"].items():
            line.append(f"{name} ").append(_exact(value), "green").append("  ")
        lines.append(line.append(_few(one["params"])))
    if len(trials) > SHOWN:
        lines.append(Text(f"  and {len(trials) - SHOWN} more: --json has them all"))
    return lines


def _exact(value: float) -> str:
    """Return a value with the digits that the hypervolume, of four digits, can be computed again from."""
    return f"{value:.6g}"


def _few(params: Params) -> str:
    more = len(params) - SETTINGS
    told = formatting.settings(dict(list(params.items())[:SETTINGS]))
    return f"{told} and {more} more" if more > 0 else told


def infeasible_lines(found: Sequence[Mapping[str, Any]] | None, hopeless: bool = False) -> list[Text]:
    """Return a line on each of the document's constraints that a trial breaks.

    ``hopeless``: the search is over, and no trial keeps them all.
    """
    from rich.text import Text  # 50 ms

    lines = []
    for one in found or ():
        if num := one["num_broken"]:
            bounds = Constraint(metric=one["metric"], max=one["max"], min=one["min"])
            verb = "breaks" if num == 1 else "break"
            lines.append(Text(f"{formatting.count(num, 'trial')} {verb} the constraint {bounds}", "yellow"))
    if hopeless and lines:
        lines.append(
            Text("no trial keeps all constraints, so that none is the best: they may be too tight", "yellow")
        )
    return lines


def told(criteria: Criteria) -> str:
    """Return the constraints in one line: ``latency_ms <= 5, params_m <= 2``."""
    return ", ".join(map(str, criteria.constraints))


def goals(objective: Objective, criteria: Criteria) -> str:
    """Return the objectives in one line: ``maximize val_accuracy and minimize latency_ms``."""
    return " and ".join(f"{one.goal} {one.name}" for one in (objective, *criteria.others))
