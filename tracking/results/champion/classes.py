"""A classifier's decisions on the test split: the confusion matrix, confused classes in words, metrics by class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from search_spaces.types.inspection import Confusion, Inspection
from tracking.pages.look import SCALE, styled
from tracking.pages.page import Section
from tracking.results.champion.head import Head

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

MAX_LABELLED = 30
"""Largest number of classes for which a confusion matrix shows names and counts."""
MAX_LETTERS = 24
CELL_PX, LETTER_PX = 28, 7
"""Side of a cell of a confusion matrix, which is somewhat more where classes are few, and width of a letter."""
MAX_PAIRS, MAX_ROWS = 10, 60
"""Confused pairs in words, and classes in the table: those with the lowest F1."""


def confusion(head: Head, found: Inspection) -> Section | None:
    """Draw counts, and shares of each true class, with the most frequent confusions in words."""
    import pandas as pd

    if (matrix := found.confusion) is None:
        return None
    pairs = matrix.confused(MAX_PAIRS)
    rows = [[f"true {true}, predicted {guess}", num, of, num / of] for true, guess, num, of in pairs]
    what = "word" if found.problem == "tagging" else "example"
    says = f"No {what} of the test split {'that is read ' * bool(matrix.unread)}is wrong."
    if pairs:
        true, guess, num, of = pairs[0]
        says = (
            f"Most often a true {true} is predicted {guess}: {num} of {of}. Rows are true classes, columns "
            "predicted ones; the second figure has the shares of each row."
        )
    if matrix.unread:
        says += f" Not in the figure: {matrix.unread:,} labelled words that are not read, which count as missed."
    table = pd.DataFrame(rows, columns=["confusion", "examples", "of", "share"])
    return Section(
        id="champion-confusion",
        heading="Confusion matrix of the test split",
        says=says,
        figures=[_matrix(matrix, shares=False), _matrix(matrix, shares=True)],
        tables=[table] if pairs else [],
    )


def _matrix(found: Confusion, *, shares: bool) -> Figure:
    from plotly.graph_objects import Figure, Heatmap

    values: Sequence[Sequence[float]] = found.counts
    if shares:
        values = [[count / max(sum(row), 1) for count in row] for row in found.counts]
    names = [cut(name) for name in found.classes]
    few = len(names) <= MAX_LABELLED
    text: dict[str, Any] = {"texttemplate": "%{z:.0%}" if shares else "%{z}"} if few else {}
    places = list(range(len(names)))
    drawn = Heatmap(
        z=values,
        colorscale=SCALE,
        customdata=[[[true, guess] for guess in found.classes] for true in found.classes],
        hovertemplate="true %{customdata[0]}, predicted %{customdata[1]}: %{z}<extra></extra>",
        showscale=not few,
        **text,
    )
    figure = Figure(drawn)
    ticks: dict[str, Any] = {"tickvals": places, "ticktext": names} if few else {"showticklabels": False}
    longest_px = LETTER_PX * max(map(len, names), default=0)
    upright = few and longest_px > CELL_PX + 60 / len(names)
    figure.update_xaxes(tickangle=-90 if upright else 0)
    figure.update_xaxes(title="predicted class", showgrid=False, zeroline=False, constrain="domain", **ticks)
    figure.update_yaxes(
        title="true class",
        autorange="reversed",
        showgrid=False,
        zeroline=False,
        scaleanchor="x",
        constrain="domain",
        **ticks,
    )
    height_px = min(760, 200 + CELL_PX * len(names)) + (longest_px if upright else 0)
    return styled(figure, round(height_px))


def by_class(head: Head, found: Inspection) -> Section | None:
    """Return precision, recall and F1 of each class, of many those with the lowest F1."""
    import pandas as pd

    if not found.classes:
        return None
    table = pd.DataFrame(map(asdict, found.classes))
    says = "A class with low recall is missed, one with low precision is seen where it is not."
    if len(table) > MAX_ROWS:
        table = table.nsmallest(MAX_ROWS, "f1")
        says += f" Of {len(found.classes)} classes the {MAX_ROWS} with the lowest F1; classes.csv has all."
    table = table.rename(columns={"name": "class"})
    return Section(id="champion-classes", heading="Metrics by class (test)", says=says, tables=[table])


def cut(text: str) -> str:
    """Return a label of at most MAX_LETTERS characters."""
    return text if len(text) <= MAX_LETTERS else text[: MAX_LETTERS - 1] + "…"
