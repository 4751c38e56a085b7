"""Learning curves of the trials by rung: those that were stopped are pale; of many, an even choice is drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from cluster.report.records import Records
from cluster.report.visible import visible
from cluster.terminal.formatting import count, measure
from cluster.terminal.records import Row
from search_spaces.race.search import sweep_schedule
from search_spaces.types.trial_names import trial_name
from tracking.pages.look import BLUE, FAINT, GRID, INK, ORANGE, RED, SKY, keyed, styled
from tracking.pages.page import Section

if TYPE_CHECKING:
    from plotly.graph_objects import Scatter

MOST_DRAWN: Final = 150
"""Number of curves of each kind, trained to the end and not: more are one patch of colour, and slow to draw."""
MOST_POINTS: Final = 200
"""Number of epochs of a curve that are drawn."""
WHOLE, CUT, OPEN, BROKEN = "trained to the end", "ended early", "not at an end yet", "failed or infeasible"


def section(records: Records) -> Section | None:
    """Draw the objective of each trial over epochs; None before the first value."""
    from plotly.graph_objects import Figure

    found = [row for row in records.ranked if any(map(math.isfinite, row.curve.values()))]
    if not found:
        return None
    kinds = {kind: [row for row in found if _kind(row) == kind] for kind in (CUT, OPEN, BROKEN, WHOLE)}
    drawn = {kind: evenly(rows) for kind, rows in kinds.items()}
    colours = {CUT: (FAINT, 0.35), OPEN: (SKY, 0.55), BROKEN: (RED, 0.35), WHOLE: (BLUE, 0.55)}
    figure = Figure()
    for kind, rows in drawn.items():
        if rows:
            colour, opacity = colours[kind]
            figure.add_traces(keyed(_lines(rows, kind, {"color": colour, "width": 1}, opacity)))
    for name, row, line in _marked(records):
        figure.add_trace(_lines([row], f"{name} {trial_name(row.number)}", line, 1.0))
    for rung in _rungs(records):
        figure.add_vline(x=rung, line={"color": GRID, "width": 1, "dash": "dot"}, layer="below")
    shown = visible([value for row in found for value in row.curve.values()], records.objective)
    axis = {"title": records.objective.name, "range": shown.bounds}
    figure.update_layout(xaxis={"title": "epoch", "rangemode": "tozero"}, yaxis=axis)
    return Section(
        id="curves",
        heading="Learning curves",
        says=_says(records, kinds),
        figures=[styled(figure, 420)],
        notes=[*_left_out(kinds, drawn), *shown.notes],
    )


def _kind(row: Row) -> str:
    if row.state in ("failed", "infeasible"):
        return BROKEN
    return WHOLE if row.state == "done" else CUT if row.state == "stopped" else OPEN


def evenly(rows: Sequence[Row], most: int = MOST_DRAWN) -> list[Row]:
    """Return at most so many rows, the first among them, at equal distances in their order."""
    step = max(1.0, (len(rows) - 1) / max(1, most - 1))
    return list(rows) if len(rows) <= most else [rows[round(k * step)] for k in range(most)]


def _lines(rows: Sequence[Row], name: str, line: dict[str, Any], opacity: float) -> Scatter:
    """Return the curves of several trials as one trace, with gaps between them: that is quick to draw."""
    from plotly.graph_objects import Scatter

    x, y, text = list[float | None](), list[float | None](), list[str | None]()
    for row in rows:
        points, step = list(row.curve.items()), max(1, math.ceil(len(row.curve) / MOST_POINTS))
        points = points[:-1:step] + points[-1:]
        x += [*(epoch for epoch, _ in points), None]
        y += [*(value if math.isfinite(value) else None for _, value in points), None]
        text += [trial_name(row.number)] * (len(points) + 1)
    # A curve of one epoch is no line: its value is a point.
    mode = "lines+markers" if all(len(row.curve) < 30 for row in rows) else "lines"
    marker = {"size": 3}
    told = "%{text}: %{y} after epoch %{x}<extra></extra>"
    return Scatter(
        x=x, y=y, text=text, name=name, mode=mode, line=line, marker=marker, opacity=opacity, hovertemplate=told
    )


def _marked(records: Records) -> list[tuple[str, Row, dict[str, Any]]]:
    """Return the best trial and trial 0 with their lines; a trial 0 that is the best only once."""
    best = records.read.best
    zero = next((row for row in records.rows if row.number == 0 and row is not best), None)
    found = []
    if zero is not None and zero.curve:
        found.append((records.zero, zero, {"color": INK, "width": 2, "dash": "dash"}))
    if best is not None and best.curve:
        found.append(("champion" if records.verdict else "best", best, {"color": ORANGE, "width": 3}))
    return found


def _rungs(records: Records) -> list[int]:
    """Return the epochs at which the schedule decides, the last one left out; none of an open-ended script."""
    return [] if records.open_ended else list(sweep_schedule(records.sweep).rungs[:-1])


def _says(records: Records, kinds: dict[str, list[Row]]) -> str:
    counts = ", ".join(f"{len(rows):,} {kind}" for kind, rows in reversed(kinds.items()) if rows)
    told = f"{records.objective.name} after each epoch: {counts}."
    if without := len(records.rows) - sum(map(len, kinds.values())):
        told += f" {count(without, 'more trial')} {'has' if without == 1 else 'have'} no value, and no curve."
    if rungs := _rungs(records):
        shown = ", ".join(map(str, rungs[:8])) + (", …" if len(rungs) > 8 else "")
        which = f"epoch {shown}, after" if len(rungs) == 1 else f"epochs {shown}, after"
        told += f" Dotted: {which} which {records.sweep.early_terminate.type} decides which trials train on."
    best = records.read.best
    if best is not None and best.curve and best.value is not None and best.own_best is not None:
        told += f" {trial_name(best.number)} came to {measure(best.own_best)}, its last is {measure(best.value)}."
    return told


def _left_out(kinds: dict[str, list[Row]], drawn: dict[str, list[Row]]) -> list[str]:
    found = [
        f"{len(drawn[kind])} of {len(rows):,} {kind}"
        for kind, rows in kinds.items()
        if len(drawn[kind]) < len(rows)
    ]
    return [f"Drawn are {' and '.join(found)}, the best and others at equal distances by rank."] if found else []
