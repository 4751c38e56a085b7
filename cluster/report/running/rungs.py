"""How far the trials were trained: how many reached each rung, and what stopping the others has saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from cluster.report.head import begun
from cluster.report.records import Records
from cluster.sweep.reading import snapshot
from cluster.terminal.formatting import count
from cluster.terminal.live_lines import saved_line
from cluster.terminal.running import rung_funnel
from search_spaces.race.search import sweep_schedule
from tracking.pages.look import BLUE, GREEN, PURPLE, SKY, styled
from tracking.pages.page import Section

A_WHOLE_LINE: Final = 10_000
"""Characters, into which any line fits."""


def section(records: Records) -> Section | None:
    """Draw the funnel of the rungs, and the epochs trained and saved; None where nothing is stopped early."""
    rungs = _rungs(records)
    if len(rungs) < 2 or not any(row.epochs for row in records.rows):
        return None
    reached = [(rung.epoch, rung.reached) for rung in rung_funnel.funnel(records.rows, rungs)]
    funnel = styled(_funnel(len(begun(records)), reached), 60 + 32 * (len(reached) + 1))
    cached = sum(row.epochs - row.epochs_trained for row in records.rows)
    bar = styled(_epochs(records.document["cost"], cached), 170)
    return Section(
        id="rungs", heading="Who was trained how far", says=_says(records, reached), figures=[funnel, bar]
    )


def _rungs(records: Records) -> list[int]:
    """Return the rungs of the schedule; of a script that ends by itself those that any trial has reached."""
    rungs = sweep_schedule(records.sweep).rungs
    most = max((row.epochs for row in records.rows), default=0)
    return [rung for rung in rungs if rung <= most or not records.open_ended]


def _says(records: Records, reached: Sequence[tuple[int, int]]) -> str:
    last, number = reached[-1]
    trials = f"{count(len(begun(records)), 'trial')} that began"
    says = f"Of {trials} {number:,} reached the last rung, epoch {last}."
    if records.open_ended:
        ended = sum(row.state == "done" for row in records.rows)
        says = f"Of {trials} {ended:,} came to the end of the script."
    saved = saved_line(snapshot(records.read), A_WHOLE_LINE)
    return f"{says} {saved}." if saved else says


def _funnel(num_trials: int, reached: Sequence[tuple[int, int]]) -> Any:
    from plotly.graph_objects import Bar, Figure

    steps = [("begun", num_trials), *((f"epoch {rung}", number) for rung, number in reached)]
    figure = Figure(
        Bar(
            x=[number for _, number in steps],
            y=[name for name, _ in steps],
            orientation="h",
            marker={"color": BLUE},
            text=[f"{number:,}" for _, number in steps],
            textposition="auto",
            textangle=0,
            constraintext="none",
            hovertemplate="%{y}: %{x} trials<extra></extra>",
        )
    )
    figure.update_yaxes(autorange="reversed", type="category")
    figure.update_xaxes(title_text="trials", rangemode="tozero")
    return figure


def _epochs(cost: Mapping[str, Any], cached: int) -> Any:
    from plotly.graph_objects import Bar, Figure

    parts = (
        ("trained in the search", cost["epochs_trained"], BLUE),
        ("with further seeds", cost["epochs_of_further_seeds"], PURPLE),
        ("saved by stopping", cost["epochs_saved"], GREEN),
        ("taken over from earlier sweeps", cached, SKY),
    )
    figure = Figure()
    for name, number, colour in parts:
        if number:
            figure.add_trace(
                Bar(
                    x=[number],
                    y=["epochs"],
                    orientation="h",
                    name=name,
                    text=[f"{number:,}"],
                    textangle=0,
                    marker={"color": colour},
                    hovertemplate=f"{name}: %{{x}} epochs<extra></extra>",
                )
            )
    figure.update_layout(barmode="stack")
    return figure
