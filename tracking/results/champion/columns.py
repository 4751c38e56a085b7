"""What a table's champion makes of its columns: permutation importance and partial dependence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from search_spaces.types.inspected.examples import Dependence
from search_spaces.types.inspection import Inspection
from tracking.pages.look import BLUE, INK, PALETTE, in_lines, styled
from tracking.pages.page import Section
from tracking.results.champion.classes import cut
from tracking.results.champion.head import Head

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

MAX_BARS = 30


def importance(head: Head, found: Inspection) -> Section | None:
    """Draw permutation importance: a bar per column, the most important first, with its spread over shuffles."""
    from plotly.graph_objects import Bar, Figure

    if not found.importance:
        return None
    shown = found.importance[:MAX_BARS][::-1]
    spread = {"type": "data", "array": [one.std for one in shown], "color": INK, "thickness": 1}
    names = [cut(one.column) for one in shown]
    bars = Bar(
        x=[one.mean for one in shown],
        y=list(range(len(shown))),
        orientation="h",
        error_x=spread,
        marker={"color": BLUE},
    )
    figure = Figure(bars)
    figure.update_yaxes(tickvals=list(range(len(shown))), ticktext=names)
    figure.update_xaxes(title=f"loss of val_{found.metric}")
    first = found.importance[0]
    says = (
        f"With {first.column} shuffled among the rows, val_{found.metric} gets worse by {first.mean:.5g}. "
        "Columns that repeat each other get too little: the model can use the other."
    )
    if first.mean <= 0:
        says = f"With no column shuffled among the rows val_{found.metric} gets worse."
    if len(found.importance) > MAX_BARS:
        says += f" The {MAX_BARS} most important of {len(found.importance)} columns; importance.csv has all."
    return Section(
        id="champion-importance",
        heading="Permutation importance of columns (validation)",
        says=says,
        figures=[styled(figure, 140 + 26 * len(shown))],
    )


def dependence(head: Head, found: Inspection) -> Section | None:
    """Draw the mean prediction with each of the most important columns set to each of its values."""
    if not found.dependence:
        return None
    what = "prediction" if "prediction" in found.dependence[0].predictions else "probability"
    says = (
        f"The mean {what} over validation rows, if the column had this value in all of them and all else stayed "
        "(Friedman 2001). Where columns move together, such rows may not exist."
    )
    return Section(
        id="champion-dependence",
        heading="Partial dependence on the most important columns (validation)",
        says=says,
        figures=[_figure(one, what) for one in found.dependence],
    )


def _figure(one: Dependence, what: str) -> Figure:
    from plotly.graph_objects import Figure

    figure, words = Figure(), isinstance(one.values[0], str)
    for k, (name, values) in enumerate(one.predictions.items()):
        colour = PALETTE[k % len(PALETTE)]
        x = [cut(str(value)) for value in one.values] if words else list(one.values)
        if words:
            figure.add_bar(x=x, y=list(values), name=cut(name), marker={"color": colour})
        else:
            figure.add_scatter(x=x, y=list(values), name=cut(name), mode="lines+markers", line={"color": colour})
    figure.update_xaxes(title=cut(one.column), type="category" if words else "linear")
    only = (
        f"{what} of {cut(next(iter(one.predictions)))}"
        if what == "probability" and len(one.predictions) == 1
        else what
    )
    figure.update_yaxes(title=in_lines(f"mean {only}"))
    figure.update_layout(showlegend=len(one.predictions) > 1)
    return styled(figure, 320)
