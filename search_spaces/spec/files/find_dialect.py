"""Finds how a CSV file is written, from what the spec says and its first lines, where one way is certain."""

from __future__ import annotations

import codecs
import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from search_spaces.spec.files.compressed import opened
from search_spaces.spec.files.dialect import Dialect
from search_spaces.spec.files.encodings import ENCODINGS, UNSURE, certain_encoding, is_mixed
from search_spaces.types.faults import nearest

if TYPE_CHECKING:
    from search_spaces.spec.data import Data

HEAD_BYTES, MAX_HEAD_BYTES, HEAD_LINES = 1 << 20, 1 << 28, 1000
SEPARATORS = {",": "','", ";": "';'", "\t": '"\\t"', "|": "'|'"}
"""Separators that are found, each as it is written in a spec."""
MAX_PREAMBLE = 20
"""Lines before the header that are found."""
_DECIMAL = re.compile(r"[-+]?\d+,\d+")


def find_dialect(path: Path, data: Data) -> Dialect:
    """Return the form of a file.

    Raises ValueError, which says what to write, where no form is certain; OSError where it cannot be read.
    """
    num_bytes = HEAD_BYTES
    while True:
        with opened(path) as file:
            head = file.read(num_bytes)
        whole = len(head) < num_bytes
        lines = _lines(head, whole, _encoding(head, whole, data.encoding))
        if whole or len(lines) > data.header + (data.skip_rows or 0) or num_bytes > MAX_HEAD_BYTES:
            return dialect_of(head, whole, data)
        num_bytes *= 8  # for cells that are longer


def dialect_of(head: bytes, whole: bool, data: Data) -> Dialect:
    """Return the form of a file that begins with ``head``, or that is ``whole``. Raises ValueError."""
    encoding = _encoding(head, whole, data.encoding)
    lines = _lines(head, whole, encoding)
    try:
        return _named(_form(lines, Dialect(encoding, header=data.header), data))
    except csv.Error as error:
        raise ValueError(str(error)) from None


def _lines(head: bytes, whole: bool, encoding: str) -> list[str]:
    """Return the first lines, without one that the head cuts."""
    text = codecs.getincrementaldecoder(encoding)().decode(head, final=whole).removeprefix("\ufeff")
    lines = list(io.StringIO(text, newline=""))
    return lines[:HEAD_LINES] if whole or len(lines) > HEAD_LINES else lines[:-1]


def _encoding(head: bytes, whole: bool, said: str | None) -> str:
    if said is not None:
        return _said_encoding(head, whole, said)
    found = certain_encoding(head, whole)
    if found is not None:
        return found
    if 0 in head:
        line = head.count(b"\n", 0, head.index(0)) + 1
        raise ValueError(
            "it holds binary data and no text, or text whose encoding must be said: encoding: utf-16, or null "
            f"characters, which must be taken out: the first is in line {line}"
        )
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        line = head.count(b"\n", 0, error.start) + 1
    if is_mixed(head):
        raise ValueError(f"line {line} is no UTF-8, as most others are: write it anew in UTF-8")
    raise ValueError(f"line {line} is no UTF-8, and which encoding it is in is uncertain: say encoding: {UNSURE}")


def _said_encoding(head: bytes, whole: bool, said: str) -> str:
    try:
        b"".decode(said)
        codecs.getincrementaldecoder(said)().decode(head, final=whole)
    except LookupError:
        close = nearest(said, ENCODINGS)
        raise ValueError(
            f"encoding {said!r} is unknown" + (f", did you mean {close!r}?" if close else "")
        ) from None
    except UnicodeDecodeError as error:
        close = certain_encoding(head, whole)
        hint = f": encoding: {close}?" if close else ""
        raise ValueError(f"byte {error.start} (0x{head[error.start]:02x}) is no {said}{hint}") from None
    return said


@dataclass(frozen=True)
class _Fit:
    """The rows of the file's head as a dialect reads them."""

    dialect: Dialect
    rows: Sequence[Sequence[str]]
    width: int
    """Cells of the first row."""
    even: bool
    """Whether all rows have as many."""


def _form(lines: Sequence[str], base: Dialect, data: Data) -> _Fit:
    """Return the first of these ways that a single separator fits: as said, with comments, quotes or a preamble."""
    said = {key: getattr(data, key) for key in ("separator", "quote", "comment", "skip_rows")}
    base = replace(base, **{key: value for key, value in said.items() if value is not None})
    separators = list(SEPARATORS) if data.separator is None else [data.separator]
    first: list[_Fit] = []
    for form in _ways(lines, base, data):
        forms = [replace(form, separator=each) for each in separators]
        fits = [fit for each in forms if _may_begin(lines, each, base) and (fit := _fit(lines, each))]
        if even := [fit for fit in fits if fit.even]:
            return _only(even, data)
        first = first or fits
    if first:
        return _only(first, data) if len(first) == 1 else _best(first)
    return _refused(lines, base, data)


def _ways(lines: Sequence[str], base: Dialect, data: Data) -> Iterator[Dialect]:
    """Yield the base, then with what may be there unsaid: comments, other quotes, lines before a header."""
    yield base
    marked = data.comment is None and any(line.startswith("#") for line in lines)
    commented = replace(base, comment="#") if marked else base
    if marked:
        yield commented
    if data.quote is None and any("'" in line for line in lines[:2]):
        yield replace(commented, quote="'")
    if data.skip_rows is None and data.header:
        yield from (replace(commented, skip_rows=num) for num in range(1, min(MAX_PREAMBLE, len(lines) - 2) + 1))


def _fit(lines: Sequence[str], dialect: Dialect) -> _Fit | None:
    """Return what the dialect makes of the lines; None where they have a single column, or none."""
    rows = [row for _, row in dialect.rows(lines)]
    if not rows:
        return None
    width = len(rows[0])
    others = {len(row) for row in rows[1:]}
    spare = others in ({width}, {width + 1}) and all(not row[-1].strip() for row in rows[1:])
    if spare and (others == {width + 1} or not rows[0][-1].strip()):
        width = max(others) - 1
        return None if width < 2 else _Fit(replace(dialect, ends_with_separator=True), rows, width, True)
    if width < 2:
        return None
    return _Fit(dialect, rows, width, others <= {width})


def _may_begin(lines: Sequence[str], form: Dialect, base: Dialect) -> bool:
    """Return whether the lines left out before the header are titles, or blank, and a header follows."""
    before, (first, *_) = lines[base.skip_rows : form.skip_rows], lines[form.skip_rows :] or [""]
    if not before:
        return True
    cells = first.strip().split(form.separator)
    titles = all(form.separator not in line.strip().strip(form.separator) for line in before)
    return titles and len(cells) > 1 and not any(is_number(cell.strip(" " + form.quote)) for cell in cells)


def _only(fits: Sequence[_Fit], data: Data) -> _Fit:
    """Return the form that is certain: the only one, or commas where no cell of another could be a decimal."""
    if len(fits) == 1:
        return fits[0]
    comma = next((fit for fit in fits if fit.dialect.separator == ","), None)
    others = [fit for fit in fits if fit is not comma]
    decimals = any(_DECIMAL.fullmatch(cell.strip()) for fit in others for row in fit.rows for cell in row)
    if comma is None or decimals:
        raise ValueError(f"its separator is uncertain: say separator: {_listed(fits)}")
    return comma


def _best(fits: Sequence[_Fit]) -> _Fit:
    """Return the form that most rows fit, by far, where none fits all: the others are told as ragged."""
    shares = [sum(len(row) == fit.width for row in fit.rows) / len(fit.rows) for fit in fits]
    first, second = sorted(shares, reverse=True)[:2]
    if first < 0.9 or second > 0.5:
        raise ValueError(f"its separator is uncertain: say separator: {_listed(fits)}")
    return fits[shares.index(first)]


def _listed(fits: Sequence[_Fit]) -> str:
    return " or ".join(SEPARATORS[fit.dialect.separator] for fit in fits)


def _refused(lines: Sequence[str], base: Dialect, data: Data) -> _Fit:
    rows = [line.split() for line in lines[base.skip_rows :] if line.strip()]
    if len(rows) < 1 + data.header:
        raise ValueError("it must hold at least one example, one line each")
    if len({len(row) for row in rows}) == 1 and len(rows[0]) > 1:
        raise ValueError("it looks separated by blanks: say separator: ' '")
    said = SEPARATORS.get(base.separator, repr(base.separator))
    which = said if data.separator is not None else ", ".join(SEPARATORS.values())
    raise ValueError(f"it must have at least two columns, separated by {which}: say separator")


def _named(fit: _Fit) -> Dialect:
    """Return the dialect with the names of its columns. Raises ValueError for doubled ones, or without a row."""
    header = fit.dialect.header
    if len(fit.rows) < 1 + header:
        raise ValueError("it must hold at least one example, one line each")
    if not header:
        return replace(fit.dialect, columns=tuple(f"c{k}" for k in range(fit.width)))
    cells = [unicodedata.normalize("NFC", cell.strip()) for cell in fit.rows[0][: fit.width]]
    names = [name or f"c{k}" for k, name in enumerate(cells)]
    doubled = [name for name, num in Counter(names).items() if num > 1]
    if doubled:
        which = ", ".join(map(repr, doubled[:5])) + (", ..." if len(doubled) > 5 else "")
        how = "" if all(map(is_number, cells)) else f" and skip_rows: {fit.dialect.skip_rows + 1}"
        raise ValueError(f"two columns are named {which}: rename one, or say header: false{how}")
    return replace(fit.dialect, columns=tuple(names))


def is_number(cell: str) -> bool:
    """Return whether a cell is a number as Python writes it."""
    try:
        float(cell)
    except ValueError:
        return False
    return True
