"""Reads a CSV file as a DataFrame in which each column has one type, found by all of its rows.

Arrow reads every cell as text. A column becomes numbers or booleans where all of its cells are; otherwise its cells
stay the words that they are in the file. Columns whose first cells are plainly numbers with fractions are read as
these at once, in half the time and memory; where one of their cells is none, the file is read again.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from search_spaces.spec.files.compressed import opened
from search_spaces.spec.files.dialect import Dialect
from search_spaces.spec.files.find_dialect import find_dialect, is_number
from workloads.data.sources.tabular.arrow_frame import BEYOND_EXACT, TableFile, beyond_exact, of_words, to_series
from workloads.data.sources.tabular.csv_cells import NO_FRACTIONS, Fractions, arrow_options, block_bytes, cells
from workloads.data.sources.tabular.odd_rows import Rows, without_headers, without_units
from workloads.tables.number_words import (
    DOTTED,
    NUM_SHOWN,
    PLAIN,
    Evidence,
    Styles,
    Way,
    plain_numbers,
    style_of,
    styles,
    written_numbers,
)

if TYPE_CHECKING:
    import pyarrow as pa

    from search_spaces.spec.data import Data

EXCEL_ERRORS = (
    *("#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#NULL!", "#N/A", "#SPILL!", "#CALC!"),
    *("#WERT!", "#BEZUG!", "#ZAHL!", "#NV", "#VALEUR!", "#NOM?", "#NOMBRE!", "#N/D", "#VALOR!", "#NOME?", "#NÚM!"),
    *("#¡DIV/0!", "#¡VALOR!", "#¡REF!", "#¿NOMBRE?", "#¡NUM!", "#DIV/0 !", "#VALORE!", "#RIF!"),
)
"""What spreadsheets write, in English, German, French, Portuguese, Spanish and Italian, where a formula failed."""
ABSENT = (
    *EXCEL_ERRORS,
    *("#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA"),
    *("NULL", "NaN", "None", "n/a", "nan", "null"),
)
"""Words that programs write for a missing value; a target's cell with one of them is a class of that name."""
TRUE, FALSE = ("True", "TRUE", "true"), ("False", "FALSE", "false")
LEADING_ZERO = r"^[-+]?0\d+$"
"""Pattern of codes such as 00501."""
LONG = r"^[-+]?\d{16,}$"
"""Pattern of whole numbers that are not exact as floating-point numbers."""
SHORT = r"^-?(0|[1-9]\d{0,14})(\.0*)?$"
"""Pattern of words that are whole numbers, whichever way a program writes them: 1 and 1.0."""
FRACTION = r"^-?\d+\.\d+([eE][-+]?\d+)?$"
"""Pattern of numbers that are no codes, counts or dates."""


def read_csv(paths: Sequence[Path], data: Data, known: Styles) -> TableFile:
    """Read a table of one or more CSV files, each in a form of its own; the first says which columns there are.

    ``known`` are the styles of the columns of the file that these belong to. Raises DataError for rows with too few
    or too many cells; OSError or ValueError where it cannot be read.
    """
    import pandas as pd
    import pyarrow as pa

    first, details = _texts(paths[0], data, alone=len(paths) == 1)
    texts, notes = first.columns, list(first.notes)
    for path in paths[1:]:
        more, _ = _texts(path, data, alone=False)
        if unlike := set(texts) ^ set(more.columns):
            raise ValueError(f"{path.name} must have the same columns, the difference is {min(unlike)!r}")
        texts = {
            name: pa.chunked_array([*column.chunks, *more.columns[name].chunks]) for name, column in texts.items()
        }
        notes += [f"{path.name}: {note}" for note in more.notes]
    typed = typed_columns(texts, data, Evidence(known=known, dots_are_decimal=details.get("separator") != ";"))
    frame = pd.DataFrame({name: to_series(column) for name, column in typed.columns.items()}, copy=False)
    if first.positions is not None and len(paths) == 1:
        frame.index = pd.Index(first.positions)
    return TableFile(frame, {**details, **typed.form}, (*notes, *typed.notes), typed.styles)


def _texts(path: Path, data: Data, alone: bool) -> tuple[Rows, dict[str, int | str]]:
    """Return a file's columns, as strings or, if it is ``alone``, numbers, and what is not usual about its form."""
    dialect = find_dialect(path, data)
    fractions = _fractions(path, dialect, data) if alone else NO_FRACTIONS
    found = Rows(dict(zip(dialect.columns, cells(path, dialect, fractions).columns, strict=False)))
    if dialect.header and all(map(_is_text, found.columns.values())):  # else a header or a unit would be no number
        found = without_headers(found.columns)
        found = without_units(found, {name: missing_words(name, data) for name in found.columns})
    return found, dialect.told()


def _fractions(path: Path, dialect: Dialect, data: Data) -> Fractions:
    """Return the columns that are numbers with fractions by the first rows, and can be nothing else."""
    import pyarrow as pa
    from pyarrow import csv

    missing = missing_words("", data)
    if PLAIN not in styles(data.decimal, data.thousands) or _may_be_numbers(missing):
        return NO_FRACTIONS
    block = block_bytes(dialect)
    options = arrow_options(dialect, [*dialect.columns, *[""] * dialect.ends_with_separator], block)
    try:
        with opened(path) as file, csv.open_csv(io.BytesIO(file.read(2 * block)), *options) as rows:
            first = pa.Table.from_batches([rows.read_next_batch()])
    except (pa.ArrowInvalid, StopIteration):
        return NO_FRACTIONS
    others = {*of_words(data), data.target}
    able = [name for name in dialect.columns if name not in others and not is_number(name)]
    able = [name for name in able if missing_words(name, data) == missing]
    return Fractions([name for name in able if _are_fractions(first[name][:NUM_SHOWN], missing)], missing)


def _are_fractions(first: pa.ChunkedArray, missing: Sequence[str]) -> bool:
    """Return whether cells are numbers with fractions, or missing, in which dots set no thousands apart."""
    known = without(first, missing)
    begins = len(known) > 0 and known[0].is_valid  # else units may stand there
    return begins and _all(known, FRACTION) and DOTTED.numbers(without(first, [""])) is None


@dataclass(frozen=True)
class Typed:
    """Columns of strings as int64, float64, bool or string, null where a cell is missing."""

    columns: dict[str, pa.ChunkedArray]
    styles: Styles
    """How numbers are written, of columns that hold fractions, or that are not written plainly."""
    form: Mapping[str, str]
    """``decimal`` and ``thousands`` where they are not as in plain numbers."""
    notes: tuple[str, ...]
    """Sentences on numbers that may be none."""


def typed_columns(texts: dict[str, pa.ChunkedArray], data: Data, evidence: Evidence) -> Typed:
    """Return columns of strings, or of float64, as numbers, booleans or words; empties ``texts``.

    Raises ValueError where the numbers of a column depend on how they are written, which the spec does not say.
    """
    import pyarrow as pa

    firsts = {name: column[:NUM_SHOWN] for name, column in texts.items() if _is_text(column)}
    notes = {name: note for name, first in firsts.items() if (note := _codes(name, first, data))}
    found, written = _typed(texts, data, evidence)
    plain = {name: PLAIN for name, column in found.items() if pa.types.is_float64(column.type)}
    columns = found | {name: way.numbers for name, way in written.items()}
    notes |= {name: BEYOND_EXACT for name, column in columns.items() if beyond_exact(column)}
    return Typed(
        columns,
        plain | {name: way.styles[0] for name, way in written.items()},
        style_of(written.values()),
        tuple(
            f"column {name!r} {note}"
            for name, note in notes.items()
            if data.columns.get(name) != "drop" and not _is_text(columns[name])
        ),
    )


def _codes(name: str, first: pa.ChunkedArray, data: Data) -> str:
    """Return a note on a column of numbers whose first ones may be codes; empty without one."""
    if name in data.columns or name in of_words(data):
        return ""
    if _any(first, LONG):
        return BEYOND_EXACT
    return (
        "holds numbers with leading zeros, which are lost (as category they stay)"
        if _any(first, LEADING_ZERO)
        else ""
    )


def _typed(
    texts: dict[str, pa.ChunkedArray], data: Data, evidence: Evidence
) -> tuple[dict[str, pa.ChunkedArray], dict[str, Way]]:
    """Return all columns, and what those are that hold numbers which are not written plainly; empties ``texts``."""
    import pyarrow as pa

    allowed = styles(data.decimal, data.thousands)
    dotted: dict[str, pa.ChunkedArray] = {}

    def read(name: str) -> pa.ChunkedArray:
        column = texts.pop(name)  # as numbers it takes less memory
        if not _is_text(column):
            return column
        found = _of_one_type(name, column, data, PLAIN in allowed)
        if pa.types.is_float64(found.type) and DOTTED.numbers(without(column[:NUM_SHOWN], [""])) is not None:
            dotted[name] = without(column, missing_words(name, data))
        return found

    names = list(texts)
    with ThreadPoolExecutor() as pool:  # Arrow works without the interpreter's lock
        found = dict(zip(names, pool.map(read, names), strict=True))
    fractions = {name for name, column in found.items() if pa.types.is_float64(column.type)}
    kept = {*of_words(data), *(name for name in (data.target,) if name in found and _is_plain(found[name]))}
    words = {name: column for name, column in found.items() if _is_text(column) and name not in kept}
    shown = {"."} if fractions - set(dotted) else set()
    return found, written_numbers(words, dotted, allowed, replace(evidence, shown=shown))


def _is_text(column: pa.ChunkedArray) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(column.type))


def _is_plain(column: pa.ChunkedArray) -> bool:
    """Return whether a column of words could be plain numbers, which it is not on purpose."""
    return _is_text(column) and plain_numbers(column) is not None


def styles_in(texts: dict[str, pa.ChunkedArray], data: Data, evidence: Evidence) -> Styles:
    """Return the style of each column of strings whose numbers are not written plainly; empties ``texts``."""
    return {name: way.styles[0] for name, way in _typed(texts, data, evidence)[1].items()}


def missing_words(name: str, data: Data) -> list[str]:
    """Return the words that stand for a missing value in a column of a CSV file."""
    said = data.missing_in(name)
    return ["", *said] if name in (data.target, *data.texts) else ["", *ABSENT, *said]


def _of_one_type(name: str, column: pa.ChunkedArray, data: Data, plain: bool) -> pa.ChunkedArray:
    """Return a column as plain numbers, if these are allowed, as booleans or as words."""
    missing = missing_words(name, data)
    if name in of_words(data):
        texts = without(column, missing)
        found = plain_numbers(texts) if plain and _all(texts, SHORT) else _booleans(texts)
        return texts if found is None else found
    if plain and not _may_be_numbers(missing) and (found := plain_numbers(column)) is not None:
        return without(column, missing) if name == data.target and _are_codes(found, column) else found
    texts = without(column, missing)
    if plain and (found := plain_numbers(texts)) is not None:
        return texts if name == data.target and _are_codes(found, texts) else found
    booleans = _booleans(texts)
    return texts if booleans is None else booleans


def _may_be_numbers(missing: Sequence[str]) -> bool:
    """Return whether some words that stand for a missing value could be numbers."""
    return any(re.search(r"\d", word) for word in missing if word not in ABSENT)


def _are_codes(numbers: pa.ChunkedArray, texts: pa.ChunkedArray) -> bool:
    """Return whether whole numbers have leading zeros, or more digits than their value keeps."""
    from pyarrow import compute

    fractions = compute.any(compute.not_equal(numbers, compute.floor(numbers))).as_py()
    return not fractions and (_any(texts, LEADING_ZERO) or _any(texts, LONG))


def without(column: pa.ChunkedArray, missing: Sequence[str]) -> pa.ChunkedArray:
    """Return a column of strings without surrounding blanks, null where a cell is one of ``missing``."""
    from pyarrow import compute

    return with_nulls(compute.utf8_trim_whitespace(column), missing)


def with_nulls(texts: pa.ChunkedArray, missing: Sequence[str]) -> pa.ChunkedArray:
    """Return a column of strings with null where a cell is one of ``missing``."""
    import pyarrow as pa
    from pyarrow import compute

    absent = compute.is_in(texts, value_set=pa.array(missing, pa.string()))
    return compute.if_else(absent, pa.scalar(None, pa.string()), texts)


def _booleans(texts: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Return a column of words for true and false as bool; None where there are others, or all are null."""
    import pyarrow as pa
    from pyarrow import compute

    true, false = (compute.is_in(texts, value_set=pa.array(words)) for words in (TRUE, FALSE))
    known = compute.or_(compute.or_(true, false), texts.is_null())
    if texts.null_count == len(texts) or not compute.all(known).as_py():
        return None
    return compute.if_else(texts.is_null(), pa.scalar(None, pa.bool_()), true)


def _all(texts: pa.ChunkedArray, pattern: str) -> bool:
    from pyarrow import compute

    return bool(compute.all(compute.match_substring_regex(texts, pattern)).as_py())


def _any(texts: pa.ChunkedArray, pattern: str) -> bool:
    from pyarrow import compute

    return bool(compute.any(compute.match_substring_regex(texts, pattern)).as_py())
