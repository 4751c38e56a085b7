"""Numbers as people write them, with a decimal comma or thousands set apart: strings to Arrow's numbers.

A column is read as numbers where all ways of reading it give the same ones, or where the other columns of the file
show which way is meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import pyarrow as pa


_SIGN = "(?:[-+\u2212\u2013] ?)"
_SPACES, _APOSTROPHES = "[ \u00a0\u2007\u2009\u202f]", "['\u2019\u02bc]"
"""What sets thousands apart where a spec says a blank or an apostrophe."""
_FULL_WIDTH = {0xFF01 + k: 0x21 + k for k in range(94)}
"""Digits and signs as wide as an ideograph, which Japanese keyboards write."""


NUM_SHOWN = 1000
"""Number of rows that show of most columns how numbers in them are not written."""


@dataclass(frozen=True)
class NumberStyle:
    """How numbers are written; a minus may be a dash, follow an amount (12.50-) or be parentheses around it."""

    decimal: str = "."
    """The character before the fraction."""
    thousands: str = ""
    """The character between groups of three digits, or as in India of two before the last three; empty: none."""

    def numbers(self, texts: pa.ChunkedArray) -> pa.ChunkedArray | None:
        """Return a column of strings as int64 or float64; None where a cell is no number, or all are null."""
        from pyarrow import compute

        if texts.null_count == len(texts):
            return None
        if self == PLAIN and (found := plain_numbers(texts)) is not None:
            return found
        if not self.fits(texts):
            return None
        if compute.all(compute.starts_with(texts, "(")).as_py():
            return None  # (1), (2), (3) number a list
        return plain_numbers(self.plain(texts))

    def fits(self, texts: pa.ChunkedArray) -> bool:
        """Return whether all cells that are not null have the pattern of this style."""
        from pyarrow import compute

        return bool(compute.all(compute.match_substring_regex(texts, self.cell)).as_py())

    def first_other(self, texts: pa.ChunkedArray) -> str | None:
        """Return the first cell that is no number of this style, or no plain number; None without one."""
        from pyarrow import compute

        other = texts.filter(compute.invert(compute.match_substring_regex(half_width(texts), self.cell)))
        return str(other[0].as_py()) if len(other) else None

    def plain(self, texts: pa.ChunkedArray) -> pa.ChunkedArray:
        """Return the numbers of this style in a column of strings written plainly; other cells stay as they are."""
        from pyarrow import compute

        texts = half_width(texts)
        whole = compute.replace_substring_regex(texts, self._between, "") if self.thousands else texts
        plain = compute.replace_substring(whole, self.decimal, ".")
        for pattern, instead in ((r"^\((.*)\)$|^(.*)-$", r"-\1\2"), ("^[-\u2212\u2013] ?", "-"), (r"^\+ ?", "")):
            plain = compute.replace_substring_regex(plain, pattern, instead)
        return compute.if_else(compute.match_substring_regex(texts, self.cell), plain, texts)

    @property
    def _between(self) -> str:
        return {" ": _SPACES, "'": _APOSTROPHES}.get(self.thousands, re.escape(self.thousands))

    @property
    def cell(self) -> str:
        """Pattern of a number."""
        between, decimal = self._between, re.escape(self.decimal)
        groups = rf"|[1-9]\d{{0,2}}({between}\d{{3}})+" if self.thousands else ""
        groups += r"|[1-9]\d?(,\d{2})+,\d{3}" if self.thousands == "," else ""
        number = rf"((\d+{groups})({decimal}\d*)?|{decimal}\d+)"
        amount = rf"(\d+{groups}){decimal}\d+-"
        return rf"^({_SIGN}?{number}([eE][-+]?\d+)?|\({number}\)|{amount})$"


def plain_numbers(texts: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Return a column of strings that are written as programs write them as int64 or float64; None for others."""
    import pyarrow as pa

    if texts.null_count == len(texts):
        return None
    try:
        found = texts.cast(pa.float64())
    except pa.ArrowInvalid:
        return None
    try:
        return texts.cast(pa.int64())
    except pa.ArrowInvalid:
        return found


def half_width(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column of strings with digits and signs of full width as those of half width."""
    import pyarrow as pa
    from pyarrow import compute

    if not compute.any(compute.match_substring_regex(texts, "[\uff01-\uff5e]")).as_py():
        return texts
    written = [None if text is None else text.translate(_FULL_WIDTH) for text in texts.to_pylist()]
    return pa.chunked_array([pa.array(written, pa.string())])


Styles: TypeAlias = Mapping[str, NumberStyle]
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


@dataclass(frozen=True)
class Evidence:
    """What shows how the numbers of a column are written, beside them."""

    shown: AbstractSet[str] = frozenset()
    """Decimal characters of other columns, which are certain."""
    known: Styles = field(default_factory=dict)
    """Styles of the columns of the file that this one belongs to."""
    dots_are_decimal: bool = True
    """Whether dots are, where nothing shows what they are; else it is asked for."""


Texts: TypeAlias = "Mapping[str, pa.ChunkedArray]"
"""Columns of strings by name, null where a cell is missing."""


def written_numbers(
    texts: Texts, dotted: Texts, allowed: Sequence[NumberStyle], evidence: Evidence
) -> dict[str, Way]:
    """Return, by name, the columns that are numbers in a style of their own, and those that are misread without it.

    ``texts`` are columns that are no plain numbers, ``dotted`` those that are unless dots set thousands apart.
    Raises ValueError, which says what to write, where the numbers of a column depend on its style.
    """
    ways = {name: found for name, column in texts.items() if (found := _ways(column, allowed))}
    doubtful = dict(dotted) if DOTTED in allowed and PLAIN in allowed else {}
    if not ways and evidence.dots_are_decimal:
        doubtful = {name: column for name, column in doubtful.items() if name in evidence.known}
    ways |= {name: _ways(column, (PLAIN, DOTTED)) for name, column in doubtful.items()}
    certain = {way.decimal for found in ways.values() if len(found) == 1 for way in found if way.decimal}
    evidence = replace(evidence, shown=evidence.shown | certain)
    return {name: _meant(name, found, evidence, {**texts, **dotted}[name]) for name, found in ways.items()}


def style_of(ways: Iterable[Way]) -> dict[str, str]:
    """Return ``decimal`` and ``thousands`` where all of the ways agree that they are not as in plain numbers."""
    found = [way.styles[0] for way in ways]
    decimals, marks = {style.decimal for style in found} - {"."}, {style.thousands for style in found} - {""}
    told = {"decimal": decimals, "thousands": marks}
    return {key: next(iter(values)) for key, values in told.items() if len(values) == 1}


def _ways(texts: pa.ChunkedArray, allowed: Sequence[NumberStyle]) -> list[Way]:
    found: list[Way] = []
    first = half_width(texts[:NUM_SHOWN])
    able = [
        style for style in allowed if style.fits(first) or (style == PLAIN and plain_numbers(texts) is not None)
    ]
    texts = half_width(texts) if able else texts
    for style in able:
        if (numbers := style.numbers(texts)) is None:
            continue
        same = next((way for way in found if way.numbers.equals(numbers)), None)
        if same is None:
            found.append(Way(numbers, [style]))
        else:
            same.styles.append(style)
    return found


def _meant(name: str, ways: Sequence[Way], evidence: Evidence, texts: pa.ChunkedArray) -> Way:
    known = evidence.known.get(name)
    as_known = [way for way in ways if known is not None and way.decimal == known.decimal]
    if len(ways) == 1 or as_known:
        return (as_known or ways)[0]
    fitting = [way for way in ways if {way.decimal} == evidence.shown]
    if not evidence.shown and evidence.dots_are_decimal:
        fitting = [way for way in ways if PLAIN in way.styles]
    if len(fitting) == 1:
        return fitting[0]
    pairs = zip(*(way.numbers.to_pylist() for way in ways), strict=True)
    row = next(k for k, values in enumerate(pairs) if len(set(values)) > 1)
    meant = " or ".join(f"{way.numbers[row].as_py():g} (decimal: {way.styles[0].decimal!r})" for way in ways)
    raise ValueError(f"column {name!r} holds {texts[row].as_py()!r}, which may be {meant}: say data.decimal")
