"""All trials at a glance: parallel coordinates, an axis a hyperparameter, the most important one on top.

The axes lie, so that they are read on a phone. Optuna's figure, too, has logarithmic axes and a place for trials
without a conditional hyperparameter. But its axes stand, and on 390 pixels the ticks of eight overlap; its paper
is white on dark pages as well; and each trial is a trace: 1,708 of them and 1.0 MB for 2,000 trials, where these
five take 99 kB (tests/benchmarks/RESULTS.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from cluster.report.parameters.axes import Axis, axis, best_few, best_say, changed, drawn, left_out, names
from cluster.report.records import Records
from cluster.terminal.formatting import measure, settings
from cluster.terminal.records import Row
from search_spaces.types.trial_names import trial_name
from tracking.pages.look import FAINT, GRID, INK, ORANGE, PAPER, SKY, keyed, styled
from tracking.pages.page import Section

MOST_AXES, MOST_TRIALS = 12, 400
ABSENT: Final = -0.12
"""Where the lines of trials without a conditional hyperparameter cross its axis."""


def section(records: Records) -> Section | None:
    """Draw a line for each trial through its hyperparameters to its value; None with fewer than three values."""
    rows = drawn(records)
    axes = [axis(records, name) for name in names(records)[:MOST_AXES]]
    if not rows or not axes:
        return None
    says = best_say(rows, axes, "have", "lie all over the space: no hyperparameter sets them apart")
    order = "the most important on top" if records.document["importance"] else "in the order of the sweep file"
    notes = [f"Each line is a trial, each row a hyperparameter, {order}, the last row its value."]
    if len(rows) > MOST_TRIALS:
        chosen = f"the best {MOST_TRIALS // 2}, and an even choice of the others"
        notes.append(f"Drawn are {MOST_TRIALS} trials: {chosen}.")
    if more := len(names(records)) - len(axes):
        notes.append(f"{more} less important hyperparameters are not drawn.")
    figure = _figure(records, rows, axes)
    height_px = 64 * (len(axes) + 1) + 90
    return Section(
        id="parallel",
        heading="All trials at a glance",
        says=says,
        figures=[styled(figure, height_px)],
        notes=[*notes, *left_out(records, rows), *changed(records)],
    )


def _chosen(rows: Sequence[Row]) -> Sequence[Row]:
    if len(rows) <= MOST_TRIALS:
        return rows
    half = MOST_TRIALS // 2
    others = rows[half:]
    return [*rows[:half], *(others[k * len(others) // half] for k in range(half))]


def _figure(records: Records, ranked: Sequence[Row], axes: Sequence[Axis]) -> Any:
    from plotly.graph_objects import Figure, Scatter

    rows, upper = _chosen(ranked), {row.number for row in ranked[: len(ranked) // 2]}
    figure, values = Figure(), _value_axis(records, rows)
    best = records.read.best
    leader = [row for row in ranked if best is not None and row.number == best.number]
    tenth = [row for row in best_few(ranked) if row not in leader]
    half = [row for row in rows if row.number in upper and row not in leader and row not in tenth]
    rest = [row for row in rows if row not in leader and row not in tenth and row not in half]
    groups = (
        ("lower half", rest, FAINT, 0.8, 0.4),
        ("upper half", half, SKY, 0.9, 0.6),
        (f"other best {len(tenth)}", tenth, INK, 1.6, 0.8),
        (records.best_name, leader, ORANGE, 3.5, 1.0),
    )
    for name, members, colour, width, opacity in groups:
        if members:
            x, y = _lines(members, [*axes, values])
            line = {"color": colour, "width": width}
            drawn_lines = Scatter(x=x, y=y, name=name, mode="lines", line=line, opacity=opacity, hoverinfo="skip")
            figure.add_traces(keyed(drawn_lines))
    figure.add_trace(_points(rows, values, -len(axes)))
    absent = any(one.name not in row.params for row in rows for one in axes)
    for k, one in enumerate([*axes, values]):
        _draw_axis(figure, one, -k)
    if absent:
        figure.add_annotation(
            {"x": ABSENT, "y": 0, "yshift": 22, "text": "not used", "showarrow": False, "font": {"color": FAINT}}
        )
    figure.update_xaxes(visible=False, range=[ABSENT - 0.06 if absent else -0.03, 1.03], fixedrange=True)
    figure.update_yaxes(visible=False, range=[-len(axes) - 0.45, 0.6], fixedrange=True)
    return figure


def _value_axis(records: Records, rows: Sequence[Row]) -> Axis:
    values = [float(row.best_value) for row in rows if row.best_value is not None]
    return Axis(name=f"best {records.objective.name}", low=min(values), high=max(values))


def _lines(rows: Sequence[Row], axes: Sequence[Axis]) -> tuple[list[float | None], list[float | None]]:
    x: list[float | None] = []
    y: list[float | None] = []
    for row in rows:
        *names, value = axes
        x += [round(one.place(row.params[one.name]), 4) if one.name in row.params else ABSENT for one in names]
        x += [round(value.place(row.best_value), 4), None]
        y += [*(-k for k in range(len(axes))), None]
    return x, y


def _points(rows: Sequence[Row], values: Axis, at: int) -> Any:
    """Return an unseen point of each trial on the axis of values, which tells its name and settings."""
    from plotly.graph_objects import Scatter

    return Scatter(
        x=[round(values.place(row.best_value), 4) for row in rows],
        y=[at] * len(rows),
        mode="markers",
        marker={"opacity": 0, "size": 9},
        text=[f"{trial_name(row.number)} {measure(row.best_value)}<br>{settings(row.params)}" for row in rows],
        hovertemplate="%{text}<extra></extra>",
        showlegend=False,
    )


def _draw_axis(figure: Any, axis: Axis, y: float) -> None:
    figure.add_shape(type="line", x0=0, x1=1, y0=y, y1=y, line={"color": GRID, "width": 2}, layer="below")
    name = f"{axis.name} (log)" if axis.log else axis.name
    plain: dict[str, Any] = {"showarrow": False, "y": y}
    paper = {"bgcolor": PAPER, "opacity": 0.85, "borderpad": 0}  # read above hundreds of lines
    title = {"x": 0, "yshift": 11, "xanchor": "left", "text": f"<b>{name}</b>", "font": {"color": INK}}
    figure.add_annotation(plain | paper | title)
    ends = {0: "left", len(axis.ticks) - 1: "right"} if not axis.words else {}
    for k, (x, text) in enumerate(axis.ticks):
        at = {"x": x, "yshift": -10, "xanchor": ends.get(k, "center"), "text": text}
        figure.add_annotation(plain | at | paper | {"font": {"color": INK, "size": 11}})
