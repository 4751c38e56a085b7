"""The history of the search: the value of each trial, and the incumbent, the best so far."""

from __future__ import annotations

from cluster.report.records import Records
from cluster.terminal.formatting import measure
from search_spaces.types.trial_names import state_word, trial_name
from tracking.pages.look import BLUE, FAINT, INK, RED, styled
from tracking.pages.page import Section

COLOURS = {"done": BLUE, "running": BLUE, "paused": BLUE, "stopped": FAINT, "infeasible": RED, "failed": RED}


def section(records: Records) -> Section | None:
    """Draw the best value of each trial over its number, with the incumbent as steps; None without a value."""
    from plotly.graph_objects import Figure, Scatter

    objective, metric = records.objective, records.objective.name
    rows = [row for row in records.rows if row.best_value is not None]
    if not rows:
        return None
    steps, leader = [], None
    for row in rows:
        able = row.feasible and row.state != "failed"
        if able and (leader is None or objective.better(row.best_value, leader.best_value)):
            leader = row
        steps.append(None if leader is None else leader.best_value)
    figure = Figure()
    for state in dict.fromkeys(row.state for row in rows):
        of_state = [row for row in rows if row.state == state]
        figure.add_trace(
            Scatter(
                x=[row.number for row in of_state],
                y=[row.best_value for row in of_state],
                mode="markers",
                name=state_word(state),
                marker={"color": COLOURS[state], "size": 7},
                text=[trial_name(row.number) for row in of_state],
                hovertemplate="%{text}: %{y}",
            )
        )
    numbers = [row.number for row in rows]
    line = {"color": INK, "shape": "hv", "width": 1.5}
    figure.add_trace(Scatter(x=numbers, y=steps, mode="lines", name="incumbent", line=line))
    figure.update_layout(xaxis_title="trial", yaxis_title=f"best {metric}")
    says = "No trial has a value that counts."
    if leader is not None:
        after = len(records.rows) - leader.number - 1
        says = f"The best value, {measure(leader.best_value)}, is that of {trial_name(leader.number)}"
        says += f"; {after} trials after it were no better." if after else ", the last one."
    return Section(id="history", heading="History of the search", says=says, figures=[styled(figure)])
