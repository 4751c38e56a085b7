"""Formats ranked trials as a table for a terminal: rows in, lines of styled text out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len
from rich.text import Text

from cluster.terminal import formatting
from cluster.terminal.recommended_lines import spread
from cluster.terminal.records import Row, Snapshot
from cluster.terminal.records import ranked as best_first
from search_spaces.types.objective import Objective
from search_spaces.types.trial_names import trial_name
from search_spaces.types.values import Value

CURVE_WIDTH = 10
NUM_SCALED = 10
VALUE_WIDTH = 14
"""A hyperparameter's value is cut to this many characters."""


@dataclass(frozen=True, kw_only=True)
class Ranked:
    """Content of a leaderboard: ``rows``, the best first, with their curves of ``metric``.

    ``horizon`` is the largest number of epochs of a trial, ``best`` the number of the best one. ``importance`` are
    shares of the hyperparameters: of columns that do not fit, those of the least important are left out first.
    """

    rows: Sequence[Row]
    metric: str
    horizon: int
    best: int | None
    importance: Mapping[str, float] = field(default_factory=dict)
    scaled_by: Sequence[Row] = ()
    """Trials whose values are the scale of the curves; empty: ``rows``."""


def ranked(snapshot: Snapshot, rows: Sequence[Row], objective: Objective) -> Ranked:
    """Return the leaderboard of ``rows`` of a sweep; its curves have the scale of the best ``NUM_SCALED`` trials.

    So a trial's curve is the same however many are shown.
    """
    return Ranked(
        rows=rows,
        metric=objective.name,
        horizon=snapshot.horizon,
        best=snapshot.leader,
        importance=snapshot.importance,
        scaled_by=best_first(snapshot.rows, objective)[:NUM_SCALED],
    )


@dataclass(frozen=True)
class BoardColumn:
    """One column of the leaderboard. A narrow terminal leaves out the columns with the lowest ``keep``."""

    head: str
    cells: Sequence[tuple[str, str]]
    """Text and style for each row."""
    keep: int
    right: bool = True

    @property
    def width(self) -> int:
        """Width in terminal cells, that of the head or the longest cell."""
        return max(cell_len(text) for text in [self.head, *(text for text, _ in self.cells)])


def leaderboard(ranked: Ranked, width: int) -> list[Text]:
    """Return a head line and one line per row, in at most ``width`` cells; nothing without rows.

    Columns that do not fit are left out, those with the lowest ``keep`` first, and how many are is told.
    """
    return table(all_columns(ranked), len(ranked.rows), width) if ranked.rows else []


def table(columns: Sequence[BoardColumn], num_rows: int, width: int) -> list[Text]:
    """Return a head line and one line per row of the columns that fit into ``width`` cells.

    Behind the heads stands the number of those that were left out, as ``+4 more``.
    """
    kept = _fitting(columns, width)
    if left_out := len(columns) - len(kept):
        kept = _fitting(columns, width - len(more := f"  +{left_out} more"))
        more = f"  +{len(columns) - len(kept)} more"
    else:
        more = ""
    lines = [Text("  ".join(_pad(c.head, c) for c in kept).rstrip() + more, style="bright_black")]
    for i in range(num_rows):
        line = Text()
        for column in kept:
            text, style = column.cells[i]
            line.append(_pad(text, column) + "  ", style)
        line.rstrip()
        lines.append(line)
    return lines


def _pad(text: str, column: BoardColumn) -> str:
    blank = " " * (column.width - cell_len(text))
    return blank + text if column.right else text + blank


def all_columns(ranked: Ranked) -> list[BoardColumn]:
    """Return all columns, whatever the width."""
    rows, horizon = ranked.rows, ranked.horizon
    styles = [formatting.MARKS[row.state][1] for row in rows]
    scale = formatting.curve_scale(ranked.scaled_by or rows)
    curves = [formatting.sparkline(row.curve, horizon, CURVE_WIDTH, scale) for row in rows]
    states = [f"{formatting.MARKS[row.state][0]} {row.word}" for row in rows]
    return [
        BoardColumn("trial", [_name(row, ranked.best) for row in rows], 100, right=False),
        BoardColumn("state", list(zip(states, styles, strict=True)), 90, right=False),
        BoardColumn("ep", [(f"{row.epochs}/{horizon}", "") for row in rows], 80),
        BoardColumn(
            formatting.shorten(ranked.metric, VALUE_WIDTH),
            [(formatting.measure(row.value), "") for row in rows],
            40,
        ),
        BoardColumn("best", [(formatting.measure(row.own_best), "") for row in rows], 95),
        *_seeds(rows),
        *_beside(rows, ranked.metric),
        BoardColumn("curve", list(zip(curves, styles, strict=True)), 70, right=False),
        *_settings(rows, ranked.importance),
        BoardColumn("time", [(formatting.span(row.seconds), "") for row in rows], 30),
    ]


def _seeds(rows: Sequence[Row]) -> list[BoardColumn]:
    """Return a column of means over the seeds, where a trial has several: of all trials, where they rank by it."""
    if not any(row.further for row in rows):
        return []
    repeated = any(row.first_value is not None for row in rows)
    cells = [(spread(row.tried) if row.further or repeated else "", "") for row in rows]
    return [BoardColumn("mean", cells, 96 if repeated else 88, right=False)]


def _beside(rows: Sequence[Row], metric: str) -> list[BoardColumn]:
    """Return a column for each metric that is shown beside the objective."""
    found = dict.fromkeys(name for row in rows for name in row.beside)
    return [
        BoardColumn(name.removeprefix("val_"), [(formatting.measure(row.beside.get(name)), "") for row in rows], 85)
        for name in found
        if name != metric
    ]


def _name(row: Row, best: int | None) -> tuple[str, str]:
    name = trial_name(row.number)
    if row.on_front:
        name = f"{name} ◆"
    return (f"{name} ★", "bold") if row.number == best else (name, "")


def _settings(rows: Sequence[Row], importance: Mapping[str, float]) -> list[BoardColumn]:
    """Return a column for each hyperparameter; those with equal values in all rows are left out first.

    Then the least important ones are, or before that is known the last ones.
    """
    names = list(dict.fromkeys(name for row in rows for name in row.params))
    order = {name: i for i, name in enumerate(sorted(names, key=lambda name: -importance.get(name, 0.0)))}
    columns = []
    for name in names:
        values: list[Value] = [row.params.get(name) for row in rows]
        shown = [formatting.setting(row.params[name]) if name in row.params else formatting.NOTHING for row in rows]
        cells = [(formatting.middle(text, VALUE_WIDTH), "") for text in shown]
        keep = (60 if len(set(shown)) > 1 else 20) - min(order[name], 15)
        texts = any(isinstance(value, str) for value in values)
        columns.append(BoardColumn(_head(name, names), cells, keep, right=not texts))
    return columns


def _head(name: str, names: Sequence[str]) -> str:
    """Return ``name``, cut at its end where it is long; in the middle where others begin alike."""
    cut = formatting.shorten(name, VALUE_WIDTH)
    alike = sum(formatting.shorten(other, VALUE_WIDTH) == cut for other in names) > 1
    return formatting.middle(name, VALUE_WIDTH) if alike else cut


def _fitting(columns: Sequence[BoardColumn], width: int) -> list[BoardColumn]:
    kept = list(columns)
    while len(kept) > 1 and sum(c.width + 2 for c in kept) - 2 > width:
        kept.remove(min(kept, key=lambda c: c.keep))
    return kept
