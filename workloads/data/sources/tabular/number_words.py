"""Numbers as people write them, with a decimal comma or thousands set apart: strings to Arrow's numbers.

A column is read as numbers where all ways of reading it give the same ones, or where the other columns of the file
show which way is meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class NumberStyle:
    """How numbers are written."""

    decimal: str = "."
    """The character before the fraction."""
    thousands: str = ""
    """The character between groups of three digits; empty: none."""

    def numbers(self, texts: pa.ChunkedArray) -> pa.ChunkedArray | None:
        """Return a column of strings as int64 or float64; None where a cell is no number, or all are null."""
        import pyarrow as pa
        from pyarrow import compute

        if texts.null_count == len(texts):
            return None
        if self != PLAIN:
            if not compute.all(compute.match_substring_regex(texts, self._cell)).as_py():
                return None
            texts = self.plain(texts)
        try:
            found = texts.cast(pa.float64())
        except pa.ArrowInvalid:
            return None
        try:
            return texts.cast(pa.int64())
        except pa.ArrowInvalid:
            return found

    def plain(self, texts: pa.ChunkedArray) -> pa.ChunkedArray:
        """Return the numbers of this style in a column of strings written plainly; other cells stay as they are."""
        from pyarrow import compute

        whole = compute.replace_substring_regex(texts, self._between, "") if self.thousands else texts
        plain = compute.replace_substring(whole, self.decimal, ".")
        return compute.if_else(compute.match_substring_regex(texts, self._cell), plain, texts)

    @property
    def _between(self) -> str:
        return "[ \u00a0\u202f]" if self.thousands == " " else re.escape(self.thousands)

    @property
    def _cell(self) -> str:
        groups = rf"|\d{{1,3}}({self._between}\d{{3}})+" if self.thousands else ""
        fraction = re.escape(self.decimal)
        return rf"^[-+]?((\d+{groups})({fraction}\d*)?|{fraction}\d+)([eE][-+]?\d+)?$"


PLAIN, DOTTED = NumberStyle(), NumberStyle(",", ".")
STYLES = [
    NumberStyle(decimal, thousands)
    for decimal in (".", ",")
    for thousands in ("", ",", ".", " ", "'")
    if thousands != decimal
]


def styles(decimal: str | None, thousands: str | None) -> list[NumberStyle]:
    """Return the styles that a spec allows."""
    return [each for each in STYLES if decimal in (None, each.decimal) and thousands in (None, each.thousands)]


@dataclass(frozen=True)
class Way:
    """Numbers that a column may stand for, and the styles that read it so."""

    numbers: pa.ChunkedArray
    styles: list[NumberStyle]

    @property
    def decimal(self) -> str | None:
        """The decimal character of all its styles; None where they differ."""
        found = {style.decimal for style in self.styles}
        return next(iter(found)) if len(found) == 1 else None


Texts: TypeAlias = "Mapping[str, pa.ChunkedArray]"
"""Columns of strings by name, null where a cell is missing."""


def written_numbers(
    texts: Texts, dotted: Texts, allowed: Sequence[NumberStyle], shown: AbstractSet[str] = frozenset()
) -> dict[str, Way]:
    """Return, by name, the columns that are numbers in a style of their own, and those that are misread without it.

    ``texts`` are columns that are no plain numbers, ``dotted`` those that are unless dots set thousands apart, and
    ``shown`` the decimal characters of all others. Raises ValueError, which says what to write, where the numbers
    of a column depend on its style.
    """
    ways = {name: found for name, column in texts.items() if (found := _ways(column, allowed))}
    if not ways:
        return {}
    if DOTTED in allowed and PLAIN in allowed:
        ways |= {name: _ways(column, (PLAIN, DOTTED)) for name, column in dotted.items()}
    certain = {way.decimal for found in ways.values() if len(found) == 1 for way in found} - {None} | shown
    return {name: _meant(name, found, certain, {**texts, **dotted}[name]) for name, found in ways.items()}


def style_of(ways: Iterable[Way]) -> dict[str, str]:
    """Return ``decimal`` and ``thousands`` where all of the ways agree that they are not as in plain numbers."""
    found = [way.styles[0] for way in ways]
    decimals, marks = {style.decimal for style in found} - {"."}, {style.thousands for style in found} - {""}
    told = {"decimal": decimals, "thousands": marks}
    return {key: next(iter(values)) for key, values in told.items() if len(values) == 1}


def _ways(texts: pa.ChunkedArray, allowed: Sequence[NumberStyle]) -> list[Way]:
    found: list[Way] = []
    for style in allowed:
        if (numbers := style.numbers(texts)) is None:
            continue
        same = next((way for way in found if way.numbers.equals(numbers)), None)
        if same is None:
            found.append(Way(numbers, [style]))
        else:
            same.styles.append(style)
    return found


def _meant(name: str, ways: Sequence[Way], shown: AbstractSet[str | None], texts: pa.ChunkedArray) -> Way:
    if len(ways) == 1:
        return ways[0]
    fitting = [way for way in ways if {way.decimal} == shown]
    if not shown:
        fitting = [way for way in ways if PLAIN in way.styles]
    if len(fitting) == 1:
        return fitting[0]
    pairs = zip(*(way.numbers.to_pylist() for way in ways), strict=True)
    row = next(k for k, values in enumerate(pairs) if len(set(values)) > 1)
    meant = " or ".join(f"{way.numbers[row].as_py():g} (decimal: {way.styles[0].decimal!r})" for way in ways)
    raise ValueError(f"column {name!r} holds {texts[row].as_py()!r}, which may be {meant}: say data.decimal")
