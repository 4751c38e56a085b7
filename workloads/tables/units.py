"""Numbers with a unit, such as 12 kg, 45 % or $1,200.50: one unit for a column."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workloads.arrays import Array
from workloads.tables.number_words import PLAIN, STYLES, Evidence, NumberStyle, written_numbers

NUMBER = r"[-+\u2212]?\d[\d.,'\u00a0\u202f ]*?"
MEASURE = rf"([^\d\s.,+-]{{0,5}})\s*({NUMBER})\s*([^\d\s.,+-][^\d]{{0,11}}[²³]?)?"
SAMPLE = 100
"""Number of texts that show most columns to be none of numbers."""
_FORM = re.compile(r"(?P<before>\D*?)1(?P<thousands>[,. ']?)234(?P<decimal>[.,])5(?P<after>.*)")


@dataclass(frozen=True)
class NumberForm:
    """How the numbers of a column are written, with a unit before or after each."""

    before: str
    after: str
    style: NumberStyle = PLAIN

    @classmethod
    def of(cls, example: str) -> NumberForm:
        """Return the form in which 1234.5 is written as ``example``."""
        found = _FORM.fullmatch(example)
        assert found, example
        return cls(found["before"], found["after"], NumberStyle(found["decimal"], found["thousands"]))

    def __str__(self) -> str:
        """Return 1234.5 in this form, such as ``$1,234.5``."""
        return f"{self.before}1{self.style.thousands}234{self.style.decimal}5{self.after}"

    @property
    def unit(self) -> str:
        """The unit, without blanks."""
        return self.before + self.after.strip()

    def plain(self, texts: Any) -> Any:
        """Return a Series of texts as numbers that are written plainly; None for others."""
        import pandas as pd
        import pyarrow as pa

        around = (re.escape(part.strip()) for part in (self.before, self.after))
        inner = texts.astype(object).str.extract(rf"^{next(around)}\s*({NUMBER})\s*{next(around)}$")[0]
        column = self.style.plain(pa.chunked_array([pa.array(inner, pa.string(), from_pandas=True)]))
        return pd.Series(column.to_numpy(), inner.index, dtype=object)


@dataclass(frozen=True)
class Measured:
    """The numbers of a column (rows,), and how they are written."""

    numbers: Array
    form: NumberForm

    @property
    def certain(self) -> bool:
        """Whether these are no names with a number in them, such as Q4 or 5a, nor versions, such as v1.10.

        They have a sign of a currency before them, and after them a sign, a blank, or a fraction.
        """
        if self.form.before:  # R$ and US$ as well
            return any(unicodedata.category(character) == "Sc" for character in self.form.before)
        signs = not any(character.isalpha() for character in self.form.unit)
        return signs or self.form.after.startswith(" ") or bool((self.numbers % 1 != 0).any())


def measured(texts: Any, allowed: Sequence[NumberStyle] = STYLES) -> Measured | None:
    """Return the numbers in a Series of texts without missing values; None where they have not all one unit.

    Raises ValueError, which says what to write, where the numbers depend on which ``allowed`` style is meant.
    """
    import pyarrow as pa

    texts = texts.astype(str).str.strip()
    if not texts[:SAMPLE].str.fullmatch(MEASURE).all():
        return None
    parts = texts.str.extract(rf"^{MEASURE}$")
    before, after = parts[0].fillna(""), parts[2].fillna("").str.strip()
    if parts[1].isna().any() or before.nunique() > 1 or after.nunique() > 1:
        return None
    if not (unit := after.iloc[0]) and not before.iloc[0]:
        return None
    column = pa.chunked_array([pa.array(parts[1].tolist(), pa.string())])
    if (found := _numbers(column, str(texts.name), allowed)) is None:
        return None
    numbers, style = found
    blank = " " if unit and bool(texts.str.contains(rf"\d\s+{re.escape(unit)}$").all()) else ""
    form = NumberForm(before.iloc[0], blank + unit, style)
    return Measured(np.asarray(numbers.to_numpy(), dtype=np.float64), form)


def _numbers(column: Any, name: str, allowed: Sequence[NumberStyle]) -> tuple[Any, NumberStyle] | None:
    if PLAIN in allowed and (plain := PLAIN.numbers(column)) is not None:
        return plain, PLAIN
    others = [style for style in allowed if style != PLAIN]
    way = written_numbers({name: column}, {}, others, Evidence()).get(name)
    return None if way is None else (way.numbers, way.styles[0])
