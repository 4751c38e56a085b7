"""Shows a sweep's data card, and its training rows column by column, each with a picture of a few characters."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from cluster.terminal.formatting import BARS, NOTHING, count, shorten

if TYPE_CHECKING:
    from rich.console import Console

    from workloads.data.overview import ColumnOverview, FirstRow, Overview

Card = Mapping[str, Any]
NUM_COLUMNS, NUM_CLASSES, NUM_WORDS, NUM_ROWS, NUM_FEATURES = 50, 12, 3, 4, 10
"""Most that the terminal shows of each; the JSON document holds all."""
CELL_WIDTH, WORD_WIDTH = 16, 16
OF_COLUMNS = ("table", "sentences", "tagged", "completions")
"""Kinds of data whose examples are rows of the columns that are shown."""


def document(sweep: str, card: Card, found: Overview) -> dict[str, Any]:
    """Return the data for ``--json``."""
    return {"name": sweep, "card": dict(card), "overview": found.to_dict()}


def view(card: Card, found: Overview, target: str, console: Console) -> list[RenderableType]:
    """Return what the terminal shows: the card, then a table of the columns with the first training rows."""
    lines: list[RenderableType] = [*_card_lines(card, target)]
    shown = [*found.columns[:NUM_COLUMNS], *([found.target] if found.target else [])]
    if not shown:
        return lines
    of_what = "a sample of " if "streamed" in card["details"] else ""
    lines += [Text(), Text(f"columns of {of_what}{found.rows:,} training rows, with the first of them")]
    lines.append(_fitting(shown, found, console))
    if len(found.columns) > NUM_COLUMNS:
        more = count(len(found.columns) - NUM_COLUMNS, "more column")
        lines.append(Text(f"and {more}; --json has them all"))
    if found.features is not None:
        columns, features = count(len(found.columns), "column"), count(found.features.number, "feature")
        first = " ".join(map(shown_value, found.features.rows[0][:NUM_FEATURES]))
        more = " …" if found.features.number > NUM_FEATURES else ""
        lines.append(Text(f"a model gets {features} of {columns} by default; of the first row {first}{more}"))
    return lines


def _card_lines(card: Card, target: str) -> Iterator[Text]:
    problem = card["problem"] + (f" of {target!r}" if card["classes"] or card["problem"] == "regression" else "")
    told = [("data", f"{Path(card['name']).name}: {card['kind']}, {problem}"), ("rows", _rows(card))]
    if card["kind"] not in OF_COLUMNS:
        told.append(("example", " x ".join(map(str, card["shape"]))))
    told += [("classes", text) for text in _classes(card)]
    if facts := [f"{key}: {_fact(value)}" for key, value in card["details"].items() if value != 0]:
        told.append(("found", ", ".join(facts)))
    copies = [f"{number} {name.replace('_', ' ')}" for name, number in card["duplicates"].items() if number]
    told.append(("copies", ", ".join(copies) or "none across splits"))
    told += [(word, text) for word in ("leak", "note") for text in card[f"{word}s"]]
    for name, text in told:
        yield Text.assemble((f"{name:<8} ", "yellow" if name == "leak" else "bright_black"), printable(text))


def _fact(value: int | str) -> str:
    """Return a fact, in quotes where it is no plain word: ``;`` as a separator, a format of dates."""
    plain = isinstance(value, int) or value.replace(" ", "").isalnum()
    return str(value) if plain else json.dumps(value, ensure_ascii=False)


def _rows(card: Card) -> str:
    rows = card["rows"]
    parts = ", ".join(f"{number:,} {split}" for split, number in rows.items())
    return f"{sum(rows.values()):,}: {parts}"


def _classes(card: Card) -> Iterator[str]:
    """Yield the classes with their rows by split."""
    counts = list(zip(card["classes"], *card["class_counts"].values(), strict=True))
    if not counts:
        return
    parts = [f"{_word(name)} ({' + '.join(map(str, each))})" for name, *each in counts[:NUM_CLASSES]]
    more = f" and {len(counts) - NUM_CLASSES} more" if len(counts) > NUM_CLASSES else ""
    yield f"{len(counts)} ({' + '.join(card['class_counts'])}): {', '.join(parts)}{more}"


def _fitting(shown: Sequence[ColumnOverview], found: Overview, console: Console) -> Table:
    """Return the table with as many of the first rows as fit into the terminal's width."""
    tables = [_table(shown, found, found.first[:num]) for num in range(NUM_ROWS, -1, -1)]
    wide = console.options.update(width=10 * console.width)
    return next(
        (table for table in tables if console.measure(table, options=wide).maximum <= console.width), tables[-1]
    )


def _table(shown: Sequence[ColumnOverview], found: Overview, rows: Sequence[FirstRow]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bright_black", pad_edge=False)
    table.add_column("column", no_wrap=True, overflow="ellipsis", max_width=24)
    table.add_column("kind", no_wrap=True)
    table.add_column("missing", no_wrap=True, justify="right")
    table.add_column("values", no_wrap=True, overflow="ellipsis", max_width=36)
    table.add_column("picture", no_wrap=True)
    for row in rows:
        table.add_column(f"row {row.row}", no_wrap=True, overflow="ellipsis", max_width=CELL_WIDTH)
    for column in shown:
        cells = [_cell(row, column, found) for row in rows]
        missing = f"{column.missing / found.rows:.0%}" if column.missing else NOTHING
        missing = "<1%" if missing == "0%" else missing
        texts = [column.name, column.kind, missing, values(column), picture(column), *cells]
        table.add_row(*(Text(printable(text)) for text in texts))
    if rows and found.target is None:
        targets = [printable(shown_value(row.target)) for row in rows]
        table.add_row(*map(Text, ["to predict", "", "", "", "", *targets]))
    return table


def _cell(row: FirstRow, column: ColumnOverview, found: Overview) -> str:
    return shown_value(row.target if column is found.target else row.values[column.name])


def values(column: ColumnOverview) -> str:
    """Return a column's range, or its most frequent words: ``0.5 to 8.2``, ``brown (41), black (40), 2 more``."""
    if column.picture == "counts":
        words = [f"{_word(word)} ({number})" for word, number in column.common.items()]
        more = (column.distinct or 0) - NUM_WORDS
        return ", ".join(words[:NUM_WORDS]) + (f", {more} more" if more > 0 else "")
    if column.low is None:
        return "none"
    unit = " characters" if column.kind == "text" else ""
    if column.low == column.high:
        return f"{shown_value(column.low)}{unit} only"
    return f"{shown_value(column.low)} to {shown_value(column.high)}{unit}"


def _word(word: str) -> str:
    """Return a word in at most WORD_WIDTH characters, in quotes where blanks at its ends would not be seen."""
    return shorten(word if word.strip() == word and word else repr(word), WORD_WIDTH)


def picture(column: ColumnOverview) -> str:
    """Draw a column's bars: a course from its lowest to its highest, rows from 0, with a blank for none."""
    if not column.bars:
        return ""
    low, high = (min(column.bars) if column.picture == "course" else 0.0), max(column.bars)
    return "".join(_bar(bar, low, high, column.picture == "course") for bar in column.bars)


def _bar(value: float, low: float, high: float, course: bool) -> str:
    if not course and value == 0:
        return " "
    share = (value - low) / (high - low) if high > low else 1.0
    return BARS[max(0, math.ceil(share * len(BARS)) - 1)]


def shown_value(value: Any) -> str:
    """Format a value of a row: five significant digits, or all before the point; a dash for a missing one.

    Of a window the end is shown.
    """
    if value is None:
        return NOTHING
    if isinstance(value, float):
        return f"{value:.0f}" if 1e5 <= abs(value) < 1e15 else f"{value:.5g}"
    if isinstance(value, list):
        ends = " ".join(f"{number:.4g}" for number in value[-NUM_WORDS:])
        return f"… {ends}" if len(value) > NUM_WORDS else ends
    return str(value)


def printable(text: str) -> str:
    """Return text with line breaks and control characters, which would move a terminal's cursor, as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
