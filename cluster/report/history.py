"""The history of the search: the value of each trial, and the incumbent, the best so far."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from cluster.report.records import Records
from cluster.report.visible import visible
from cluster.terminal.formatting import count, measure
from cluster.terminal.records import Row
from search_spaces.types.objective import Objective
from search_spaces.types.trial_names import state_word, trial_name
from tracking.pages.look import BLUE, FAINT, INK, ORANGE, PURPLE, RED, SKY, styled
from tracking.pages.page import Section

if TYPE_CHECKING:
    from plotly.graph_objects import Scatter

MARKERS: Final[Mapping[str, Mapping[str, Any]]] = {
    "stopped": {"color": FAINT, "symbol": "circle-open", "opacity": 0.6},
    "failed": {"color": RED, "symbol": "x-thin-open"},
    "infeasible": {"color": PURPLE, "symbol": "triangle-up-open"},
    "paused": {"color": SKY, "symbol": "diamond-open"},
    "running": {"color": SKY, "symbol": "diamond"},
    "done": {"color": BLUE, "symbol": "circle"},
}
"""Colour and shape of each state, in the order in which they are drawn."""


def section(records: Records) -> Section | None:
    """Draw the best value of each trial over its number, with the incumbent as steps; None without a value."""
    from plotly.graph_objects import Figure

    rows = [row for row in records.rows if row.best_value is not None and math.isfinite(row.best_value)]
    if not rows:
        return None
    figure, best, leaders = Figure(), records.read.best, incumbents(rows, records.objective)
    for state, marker in MARKERS.items():
        if of_state := [row for row in rows if row.state == state]:
            figure.add_trace(_dots(of_state, state_word(state), {"size": 7, **marker}))
    if leaders:
        steps = [*leaders, leaders[-1]]
        numbers = [*(row.number for row in leaders), rows[-1].number]
        line = {"color": INK, "shape": "hv", "width": 1.5}
        figure.add_scatter(
            x=numbers, y=[row.best_value for row in steps], mode="lines", name="best so far", line=line
        )
    if best is not None:
        marker = {"size": 15, "color": ORANGE, "symbol": "star", "line": {"color": INK, "width": 1}}
        figure.add_trace(_dots([best], records.best_name, marker))
    shown = visible([row.best_value for row in rows if row.best_value is not None], records.objective)
    axis = {"title": f"best {records.objective.name}", "range": shown.bounds}
    figure.update_layout(xaxis={"title": "trial"}, yaxis=axis)
    says = _says(records, leaders)
    return Section(
        id="history", heading="History of the search", says=says, figures=[styled(figure)], notes=shown.notes
    )


def incumbents(rows: Sequence[Row], objective: Objective) -> list[Row]:
    """Return the trials that were better than all of lower numbers, among those that count."""
    found: list[Row] = []
    for row in rows:
        if _counts(row) and (not found or objective.better(row.best_value, found[-1].best_value)):
            found.append(row)
    return found


def _counts(row: Row) -> bool:
    return row.feasible and row.state != "failed" and row.best_value is not None and math.isfinite(row.best_value)


def _dots(rows: Sequence[Row], name: str, marker: Mapping[str, Any]) -> Scatter:
    from plotly.graph_objects import Scatter

    return Scatter(
        x=[row.number for row in rows],
        y=[row.best_value for row in rows],
        mode="markers",
        name=name,
        marker=marker,
        text=[f"{trial_name(row.number)}, {count(row.epochs, 'epoch')}" for row in rows],
        hovertemplate="%{text}: %{y}<extra></extra>",
    )


def _says(records: Records, leaders: Sequence[Row]) -> str:
    """Say when the best value came, and who is the champion if that is another."""
    if not leaders:
        return "No trial has a value that counts."
    leader, best = leaders[-1], records.read.best
    after = sum(row.number > leader.number for row in records.rows if _counts(row))
    told = f"The best value, {measure(leader.best_value)}, is that of {trial_name(leader.number)}"
    told += f"; {count(after, 'trial')} after it {'was' if after == 1 else 'were'} no better." if after else "."
    if best is not None and best.number != leader.number:
        told += f" {trial_name(best.number)}, marked by a star, was chosen by {records.read.chosen_by}."
    return told
