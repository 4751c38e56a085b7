"""One hyperparameter at a time: the value of each trial over each of the most important ones.

Optuna's slices are no larger, 274 kB for four of 2,000 trials, but stand in one row in the alphabet's order, four
of them 1,200 pixels wide on a phone, too. Their colour is the trial's number, the first nearly white; nothing
tells trials that were stopped early from those trained to the end (tests/benchmarks/RESULTS.md).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from cluster.report.parameters.axes import Axis, axis, changed, drawn, effect, left_out, names, word
from cluster.report.records import Records
from cluster.report.visible import visible
from cluster.terminal.formatting import setting
from cluster.terminal.records import Row
from search_spaces.types.trial_names import trial_name
from search_spaces.types.values import Value
from tracking.pages.look import BLUE, FAINT, INK, ORANGE, styled
from tracking.pages.page import Section

MOST: Final = 6
MANY: Final = 500
"""Number of trials from which on points are small."""
COLUMNS: Final = 2
ROW_PX: Final = 260
SHORT: Final = 10
"""Length of a name beside which a phone has room for more words."""
OUTLINE: Final = {"color": INK, "width": 1}


def section(records: Records) -> Section | None:
    """Draw a panel for each of the most important hyperparameters; None with fewer than three values."""
    rows = drawn(records)
    axes = [axis(records, name) for name in names(records)[:MOST]]
    if not rows or not axes:
        return None
    told = effect(axes[0], rows, records.objective)
    says = f"{told[0].upper()}{told[1:]}." if told else ""
    notes = ["Filled: trained to the end; hollow: stopped early, or not at its end yet."]
    figure = _figure(records, rows, axes)
    shown = visible([row.best_value for row in rows if row.best_value is not None], records.objective)
    figure.update_yaxes(range=shown.bounds)
    return Section(
        id="slices",
        heading="One hyperparameter at a time",
        says=says,
        figures=[styled(figure, ROW_PX * math.ceil(len(axes) / COLUMNS) + 40)],
        notes=[*notes, *left_out(records, rows), *shown.notes, *_without_logarithm(axes, rows), *changed(records)],
    )


def _without_logarithm(axes: Sequence[Axis], rows: Sequence[Row]) -> list[str]:
    """Return a sentence where values, as a default of 0, have no place on a logarithmic axis."""
    named = [
        f"{one.name} ({setting(value)} of {trial_name(row.number)})"
        for one in axes
        if one.log
        for row in rows
        if isinstance(value := row.params.get(one.name), int | float) and value <= 0
    ]
    more = f" and {len(named) - MOST} more" if len(named) > MOST else ""
    told = ", ".join(named[:MOST]) + more
    return [f"Not drawn, as a logarithmic axis has no place for it: {told}."] if named else []


def _figure(records: Records, rows: Sequence[Row], axes: Sequence[Axis]) -> Any:
    from plotly.subplots import make_subplots

    columns = min(COLUMNS, len(axes))
    lines = math.ceil(len(axes) / columns)
    figure = make_subplots(
        rows=lines,
        cols=columns,
        shared_yaxes=True,
        horizontal_spacing=0.08,
        vertical_spacing=min(0.25, 0.32 / lines),
    )
    best, size = records.read.best, 6 if len(rows) <= MANY else 3
    for k, one in enumerate(axes):
        at = {"row": k // columns + 1, "col": k % columns + 1}
        having = [row for row in rows if one.name in row.params]
        ended = [row for row in having if row.state == "done"]
        others = [row for row in having if row.state != "done"]
        leader = [row for row in having if best is not None and row.number == best.number]
        groups = (
            ("not to the end", others, {"color": FAINT, "symbol": "circle-open", "size": size}),
            ("trained to the end", ended, {"color": BLUE, "size": size, "opacity": 0.7}),
            (records.best_name, leader, {"color": ORANGE, "symbol": "star", "size": 14, "line": OUTLINE}),
        )
        for name, members, marker in groups:
            if members:
                figure.add_trace(_points(one, members, marker, name, shown=k == 0), **at)
        told = one.name + ("<br>(log)" if len(one.name) > SHORT else " (log)") * one.log
        figure.update_xaxes(title={"text": told, "standoff": 4, "font": {"size": 12}}, **_kind(one), **at)
    figure.update_yaxes(title_text=records.objective.name, col=1)
    figure.update_layout(legend={"itemsizing": "constant"})
    return figure


def _points(axis: Axis, rows: Sequence[Row], marker: dict[str, Any], name: str, shown: bool) -> Any:
    from plotly.graph_objects import Scatter

    return Scatter(
        x=[word(row.params[axis.name]) if axis.words else _short(row.params[axis.name]) for row in rows],
        y=[row.best_value for row in rows],
        text=[trial_name(row.number) for row in rows],
        mode="markers",
        marker=marker,
        name=name,
        legendgroup=name,
        showlegend=shown,
        hovertemplate="%{text}: %{y} at %{x}<extra></extra>",
    )


def _short(value: Value) -> float:
    """Return a number to four digits, as fine as a point is drawn: a report of 2,000 trials has 12,000 points."""
    assert isinstance(value, int | float)
    return float(f"{value:.4g}")


def _kind(axis: Axis) -> dict[str, Any]:
    """Return the settings of plotly's axis for a hyperparameter."""
    if axis.words:
        return {"type": "category", "categoryorder": "array", "categoryarray": list(axis.words)}
    if not axis.log:
        return {"nticks": 5}
    decades = math.log10(axis.high / axis.low)
    return {"type": "log", "dtick": max(1, math.ceil(decades / 2)), "exponentformat": "e", "tickangle": 0}
