"""How good trials are by and large: the share of trials that are at least as good as each value.

Points are trials. Optuna's figure gives the share of smaller values, also where larger ones are better, at 100
evenly spaced ones: with losses of 1,000 where training diverged, one of the 100 lay in the better half of 40
trials (tests/benchmarks/RESULTS.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cluster.report.parameters.axes import alike, among, drawn, left_out
from cluster.report.records import Records
from cluster.report.visible import visible
from cluster.terminal.formatting import measure
from cluster.terminal.records import Row
from tracking.pages.look import BLUE, ORANGE, styled
from tracking.pages.page import Section

FEWEST: Final = 10
MOST_POINTS: Final = 200


def section(records: Records) -> Section | None:
    """Draw the empirical distribution of all trials that count, and of those trained to the end; None below ten."""
    from plotly.graph_objects import Figure, Scatter

    rows = records.objective.ranked(drawn(records), lambda row: row.best_value)
    if len(rows) < FEWEST:
        return None
    figure = Figure()
    for name, members, colour in (
        ("all that count", rows, BLUE),
        ("trained to the end", [row for row in rows if row.state == "done"], ORANGE),
    ):
        places = sorted({k * (len(members) - 1) // MOST_POINTS for k in range(MOST_POINTS + 1)} if members else ())
        figure.add_trace(
            Scatter(
                x=[members[place].best_value for place in places],
                y=[round(100 * (place + 1) / len(members), 2) for place in places],
                name=f"{name} ({len(members):,})",
                mode="lines",
                line={"color": colour, "shape": "hv"},
            )
        )
    shown = visible([row.best_value for row in rows if row.best_value is not None], records.objective)
    figure.update_xaxes(title_text=f"best {records.objective.name}", range=shown.bounds)
    figure.update_yaxes(title_text="trials as good or better", ticksuffix=" %", rangemode="tozero")
    return Section(
        id="distribution",
        heading="How good trials are",
        says=_says(records, rows),
        figures=[styled(figure)],
        notes=[*left_out(records, rows), *shown.notes],
    )


def _says(records: Records, rows: Sequence[Row]) -> str:
    half, tenth = rows[(len(rows) - 1) // 2], rows[(len(rows) - 1) // 10]
    middle, good, best = (measure(row.best_value) for row in (half, tenth, rows[0]))
    of_which = among(records, rows)
    if alike(rows):
        return f"{of_which[0].upper()}{of_which[1:]} came to {best}."
    return f"Half of {of_which} come to {middle} or better, one in ten to {good}, the best to {best}."
