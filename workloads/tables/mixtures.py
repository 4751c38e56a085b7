"""Columns most of whose words are numbers or dates, and a few are not: read as words, their order would be lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

_WHOLE = r"(?:\d+|[1-9]\d{0,2}(?:([.,'\u2019 \u00a0\u2009\u202f])\d{3})(?:\1\d{3})*|[1-9]\d?(?:,\d{2})+,\d{3})"
NUMBER = rf"(?:[-+\u2212\u2013] ?)?(?:{_WHOLE}(?:[.,]\d*)?|[.,]\d+)(?:[eE][-+]?\d+)?"
DATE = r"(?:\d{4}([-./])\d{1,2}\1\d{1,2}|\d{1,2}([-./])\d{1,2}\2\d{2,4})(?:[T ].*)?"
PATTERNS: Final = {"numbers": NUMBER, "dates": DATE}
LEAST_SHARE = 0.5
"""Smallest share of a column's rows that are numbers, or dates, for the others to be odd."""
FEW, MANY = 3, 20
"""So few other words are no values among more different numbers than these, but stand for something else."""
MAX_SHOWN = 5
SAMPLE = 100
"""Number of words that show most columns to hold neither."""


@dataclass(frozen=True)
class Mixture:
    """Numbers or dates among other words."""

    kind: str
    """``numbers`` or ``dates``."""
    num_different: int
    others: tuple[str, ...]
    """The other words, the most frequent first."""
    num_rows: int
    """Rows with other words."""

    def fault(self, name: str, as_words: str) -> str | None:
        """Return what to say about the column ``name``, or ``as_words``; None where the others may be values."""
        if not self.others and self.kind == "dates":
            return None  # 1.12.10 may be a version
        if not self.others:
            return f"holds {self.kind} that are not all written in one way: write them alike, or say {as_words}"
        if len(self.others) > FEW or self.num_different <= MANY:
            return None
        words = ", ".join(f'"{word}"' for word in self.others)
        ways = f"data.missing: {{{name}: [{words}]}} where they stand for none, or {as_words}"
        return f"holds {self.kind} but for {words} in {self.num_rows} rows: say {ways}"

    def note(self) -> str:
        """Return a note on a column that is taken as words all the same."""
        shown = ", ".join(map(repr, self.others[:MAX_SHOWN])) + (", ..." if len(self.others) > MAX_SHOWN else "")
        how = "and is taken as words (data.missing can name what stands for none)"
        return f"holds {self.kind} but for {shown} in {self.num_rows} rows, {how}"


def mixture(counts: Any) -> Mixture | None:
    """Return what is odd about words, a Series of rows by word, that are no column of numbers, nor one of dates."""
    import pandas as pd

    words = pd.Series(counts.index, dtype=object)
    for kind, pattern in PATTERNS.items():
        if not words[:SAMPLE].str.fullmatch(pattern).any():
            continue
        alike = words.str.fullmatch(pattern).to_numpy(bool)
        rows = int(counts[alike].sum())
        if rows < LEAST_SHARE * counts.sum() or alike.sum() < 2:
            continue
        if alike.all() and pd.to_numeric(words, errors="coerce").notna().all():
            return None  # codes such as 007
        others = counts[~alike].sort_values(ascending=False, kind="stable")
        return Mixture(kind, int(alike.sum()), tuple(map(str, others.index)), int(others.sum()))
    return None
