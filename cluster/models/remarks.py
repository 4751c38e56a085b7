"""What is odd about rows that a model predicts nevertheless: unknown words, missing values, columns without use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from cluster.models.takes import Takes
from workloads.tables.columns import NUMERIC, counts_of

SHOWN: Final = 5
"""Number of unknown words of a column, and of columns, that are named."""
MOST_WORDS: Final = 1_000
"""Different unknown words of a column that are counted one by one: there may be as many as rows."""


@dataclass(kw_only=True)
class Remarks:
    """Counts what is odd in the parts of a file."""

    takes: Takes
    words: Mapping[str, frozenset[str]]
    """Words that the training split has, by column."""
    whole: frozenset[str] = frozenset()
    """Numeric columns that had a value in every row of the sweep's data."""
    known: frozenset[str] = frozenset()
    """Columns of the sweep's file that the model does not use."""
    unknown: dict[str, dict[str, int]] = field(default_factory=dict)
    """By column the unknown words, with the number of rows."""
    others: dict[str, int] = field(default_factory=dict)
    """By column the rows with further unknown words."""
    missing: dict[str, int] = field(default_factory=dict)
    """By column the rows without a value."""
    unused: dict[str, None] = field(default_factory=dict)

    def add(self, frame: Any) -> None:
        """Count the rows of a DataFrame that has the model's columns."""
        for column in self.takes.columns:
            if column.name in self.words:
                self._count_unknown(column.name, counts_of(frame[column.name], column.missing))
            if column.name in self.whole and (num := int(frame[column.name].isna().sum())):
                self.missing[column.name] = self.missing.get(column.name, 0) + num
        if any(column.kind in (*NUMERIC, "category") for column in self.takes.columns):
            used = {*self.takes.names, self.takes.target, *self.known}
            self.unused |= dict.fromkeys(str(name) for name in frame if name not in used)

    def said(self) -> Iterator[str]:
        """Yield a sentence for each column."""
        for name, words in self.unknown.items():
            named = ", ".join(f"{word!r} in {counted(num)}" for word, num in list(words.items())[:SHOWN])
            num_more = max(0, len(words) - SHOWN)
            more = f" and {num_more:,} others" if num_more else ""
            if name in self.others:
                more = f" and more than {num_more:,} others"
            what = "has words that the training split did not have, and count as unknown"
            yield f"column {name!r} {what}: {named}{more}"
        for name, num in self.missing.items():
            yield f"column {name!r} has no value in {counted(num)}, and the sweep's data had one in every row"
        if self.unused:
            named = ", ".join(map(repr, list(self.unused)[:SHOWN]))
            yield f"the model does not use {named}{', ...' if len(self.unused) > SHOWN else ''}"

    def _count_unknown(self, name: str, found: Any) -> None:
        for word, num in found.items():
            if str(word) in self.words[name]:
                continue
            counts = self.unknown.setdefault(name, {})
            if str(word) in counts or len(counts) < MOST_WORDS:
                counts[str(word)] = counts.get(str(word), 0) + int(num)
            else:
                self.others[name] = self.others.get(name, 0) + int(num)


def counted(num: int) -> str:
    """Return a number of rows in words."""
    return f"{num:,} row{'' if num == 1 else 's'}"
