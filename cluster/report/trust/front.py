"""Several objectives: which trials no other is better than in all of them, and who breaks a constraint."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, Final

from cluster.report.records import Records
from cluster.terminal.formatting import count, measure, settings
from cluster.terminal.records import Row
from search_spaces.criteria.constraints import Constraint
from search_spaces.types.trial_names import trial_name
from tracking.pages.look import BLUE, FAINT, INK, ORANGE, RED, styled
from tracking.pages.page import Section

LISTED: Final = 20


def section(records: Records) -> Section | None:
    """Draw each pair of objectives with the front, or the objective over a constraint; None without them."""
    criteria, front = records.sweep.criteria, records.document["pareto_front"]
    if not criteria:
        return None
    names = [records.objective.name, *(dict.fromkeys(one.name for one in criteria.others))]
    names += [one.metric for one in criteria.constraints if one.metric not in names][: max(0, 2 - len(names))]
    on_front = {one["number"] for one in front["trials"]} if front else set()
    rows = [row for row in records.rows if row.state != "failed" and _values(row, names)]
    says = " ".join([*_front_says(front), *_chosen_says(records, on_front), *_constraints_say(records)])
    if not rows or len(names) < 2:
        return Section(id="front", heading="Constraints", says=says) if says else None
    figure = _figure(records, rows, on_front, names)
    height_px = 380 * len(list(combinations(names, 2)))
    heading = "Front of several objectives" if front else "Constraints"
    tables = [_table(front)] if front else []
    return Section(id="front", heading=heading, says=says, figures=[styled(figure, height_px)], tables=tables)


def _values(row: Row, names: Sequence[str]) -> list[float] | None:
    """Return a trial's values of the metrics, the objective first; None where one is not known."""
    found = [row.best_value, *(row.beside.get(name) for name in names[1:])]
    known = [value for value in found if value is not None and math.isfinite(value)]
    return known if len(known) == len(names) else None


def _front_says(front: Mapping[str, Any] | None) -> list[str]:
    if not front:
        return []
    goals = " and ".join(f"{one['goal']} {one['name']}" for one in front["metrics"])
    which = "is on the front" if len(front["trials"]) == 1 else "are on the front"
    says = f"{count(len(front['trials']), 'trial')} {which} ({goals}): no other that counts is at least as good in "
    says += "all of them and better in one."
    first, last = front["trials"][0], front["trials"][-1]
    if first is last:
        return [says]
    ends = (f"{trial_name(one['number'])} ({_pairs(one['values'])})" for one in (first, last))
    return [says, f"By {front['metrics'][0]['name']} it goes from {' to '.join(ends)}."]


def _chosen_says(records: Records, on_front: set[int]) -> list[str]:
    best = records.read.best
    if best is None or not on_front or best.number in on_front:
        return []
    return [
        f"{trial_name(best.number)}, marked by a star, is behind it: it was chosen by {records.read.chosen_by}."
    ]


def _pairs(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {measure(value)}" for name, value in values.items())


def _constraints_say(records: Records) -> list[str]:
    told = []
    for one in records.document["constraints"]:
        bounds = Constraint(metric=one["metric"], min=one["min"], max=one["max"])
        verb = "breaks" if one["num_broken"] == 1 else "break"
        told.append(f"{count(one['num_broken'], 'trial')} {verb} {bounds}.")
    return told


def _figure(records: Records, rows: Sequence[Row], on_front: set[int], names: Sequence[str]) -> Any:
    from plotly.graph_objects import Scatter
    from plotly.subplots import make_subplots

    pairs = list(combinations(range(len(names)), 2))
    figure = make_subplots(rows=len(pairs), cols=1, vertical_spacing=0.12 if len(pairs) > 1 else 0.0)
    behind = [row for row in rows if row.number not in on_front]
    star = {"color": ORANGE, "symbol": "star", "size": 15, "line": {"color": INK, "width": 1}}
    best = records.read.best
    leader = [row for row in rows if best is not None and row.number == best.number]
    groups: Sequence[tuple[str, Sequence[Row], dict[str, Any]]] = (
        ("breaks a constraint", [row for row in behind if not row.feasible], {"color": FAINT, "symbol": "x"}),
        ("behind the front" if on_front else "keeps all", [row for row in behind if row.feasible], {"color": BLUE}),
        ("on the front", [row for row in rows if row.number in on_front], {"color": ORANGE, "symbol": "diamond"}),
        (records.best_name, leader, star),
    )
    for k, (across, up) in enumerate(pairs, 1):
        for name, members, marker in groups:
            if not members:
                continue
            found = [values for row in members if (values := _values(row, names))]
            figure.add_trace(
                Scatter(
                    x=[values[across] for values in found],
                    y=[values[up] for values in found],
                    text=[f"{trial_name(row.number)}<br>{settings(row.params)}" for row in members],
                    mode="markers",
                    marker={"size": 8} | marker,
                    name=name,
                    legendgroup=name,
                    showlegend=k == 1,
                    hovertemplate="%{text}<br>%{x}, %{y}<extra></extra>",
                ),
                row=k,
                col=1,
            )
        _bounds(figure, records, (names[across], names[up]), k)
    return figure


def _bounds(figure: Any, records: Records, names: tuple[str, str], line: int) -> None:
    """Title the axes of a panel, and draw the bounds of constraints on them."""
    figure.update_xaxes(title_text=names[0], row=line, col=1)
    figure.update_yaxes(title_text=names[1], row=line, col=1)
    for one in records.sweep.criteria.constraints:
        for name, draw, axis in ((names[0], figure.add_vline, "x"), (names[1], figure.add_hline, "y")):
            for bound in (one.min, one.max):
                if one.metric == name and bound is not None:
                    draw(**{axis: bound}, line={"color": RED, "dash": "dash", "width": 1}, row=line, col=1)


def _table(front: Mapping[str, Any]) -> Any:
    import pandas as pd

    listed = front["trials"][:LISTED]
    return pd.DataFrame(
        [
            {"trial": trial_name(one["number"]), **one["values"], "hyperparameters": settings(one["params"])}
            for one in listed
        ]
    )
