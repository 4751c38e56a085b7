"""Reads tables of Excel sheets, JSON lines, and Feather files, which are Arrow's own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search_spaces.spec.files.json_lines import records
from search_spaces.spec.files.xlsx import refuse_uncalculated, sheet_columns, sheet_rows
from workloads.data.sources.tabular.arrow_frame import TableFile, of_words, table_file, typed_file
from workloads.data.sources.tabular.csv_file import ABSENT, EXCEL_ERRORS, Typed, typed_columns
from workloads.data.sources.tabular.odd_rows import NUM_LOOKED_AT
from workloads.tables.number_words import Evidence, Styles

if TYPE_CHECKING:
    import pyarrow as pa

    from search_spaces.spec.data import Data


def read_feather(path: Path, data: Data, known: Styles) -> TableFile:
    """Read a Feather file. Raises OSError or ValueError where it cannot be read."""
    from pyarrow import feather

    return typed_file(feather.read_table(str(path), memory_map=False), data, known)


def read_json_lines(path: Path, data: Data, known: Styles) -> TableFile:
    """Read a file of objects; a key that some lack is missing there. Raises OSError or ValueError."""
    columns: dict[str, list[Any]] = {}
    num_rows = 0
    for record in records(path):
        for key, value in record.items():
            column = columns.setdefault(key, [])
            column += [None] * (num_rows - len(column))
            column.append(value)
        num_rows += 1
    filled = {key: column + [None] * (num_rows - len(column)) for key, column in columns.items()}
    return _of_values(filled, data, known)


def read_xlsx(path: Path, data: Data, known: Styles) -> TableFile:
    """Read a sheet; empty rows and nameless empty columns count as none. Raises OSError or ValueError."""
    rows = list(sheet_rows(path, data))
    if len(rows) < 1 + data.header:
        raise ValueError("it must hold at least one example, one row each")
    body, notes = _without_odd_rows(rows) if data.header else (rows, [])
    columns = list(zip_longest(*body))
    if any(None in column for column in columns):
        refuse_uncalculated(path, data)
    header = [*rows[0], *[None] * (len(columns) - len(rows[0]))]
    cells = [[None if cell in EXCEL_ERRORS else cell for cell in column] for column in columns]
    names = sheet_columns(header, data.header)
    kept = {
        name: column
        for name, head, column in zip(names, header, cells, strict=True)
        if head is not None or any(cell is not None for cell in column)
    }
    found = _of_values(kept, data, known)
    return replace(found, notes=(*notes, *found.notes))


def _without_odd_rows(rows: Sequence[Sequence[Any]]) -> tuple[list[Sequence[Any]], list[str]]:
    """Return the rows below the header, and notes on those left out: the header again, and one of units."""
    header, *others = rows
    body, notes = [row for row in others if row != header], []
    if num := len(others) - len(body):
        notes.append(f"{num} rows that repeat the header are left out")
    below = list(zip_longest(*body[: 1 + NUM_LOOKED_AT]))
    numeric = [column[0] for column in below if any(map(_is_number, column)) and _are_numbers(column[1:])]
    units = [cell for cell in numeric if cell not in (None, *ABSENT)]
    if units and all(isinstance(cell, str) and not cell[:1].isdigit() for cell in units):
        body, shown = body[1:], ", ".join(units[:5])
        notes.append(f"the first row below the header, with {shown} in place of numbers, is left out")
    return body, notes


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _are_numbers(values: Sequence[Any]) -> bool:
    return all(value is None or _is_number(value) for value in values)


def _of_values(columns: Mapping[str, Sequence[Any]], data: Data, known: Styles) -> TableFile:
    """Return a table of Python's values: columns of texts, or of several types, are read as a CSV file's are."""
    import pyarrow as pa

    written = _numbers_among(columns, data, known)
    arrays = {name: _array(written.columns.get(name, values)) for name, values in columns.items()}
    texts = {name: pa.chunked_array([a]) for name, a in arrays.items() if pa.types.is_string(a.type)}
    typed = typed_columns(texts, data, Evidence(known=known))
    found = table_file(pa.table({**arrays, **typed.columns}), data)
    notes = tuple(dict.fromkeys((*written.notes, *typed.notes, *found.notes)))
    return TableFile(found.frame, {**written.form, **typed.form}, notes, {**written.styles, **typed.styles})


def _numbers_among(columns: Mapping[str, Sequence[Any]], data: Data, known: Styles) -> Typed:
    """Return the columns of numbers and of texts that are numbers, too, as lists of numbers."""
    import pyarrow as pa

    kinds = {name: {type(value) for value in values if value is not None} for name, values in columns.items()}
    both = [
        name for name, found in kinds.items() if {str} < found <= {str, int, float} and name not in of_words(data)
    ]
    texts = {name: [value if isinstance(value, str) else None for value in columns[name]] for name in both}
    arrays = {name: pa.chunked_array([pa.array(values, pa.string())]) for name, values in texts.items()}
    typed = typed_columns(arrays, data, Evidence(known=known))
    found = {}
    for name, column in typed.columns.items():
        if (
            pa.types.is_integer(column.type)
            or pa.types.is_floating(column.type)
            or column.null_count == len(column)
        ):
            pairs = zip(columns[name], column.to_pylist(), strict=True)
            found[name] = [read if isinstance(value, str) else value for value, read in pairs]
    return replace(typed, columns=found)


def _array(values: Sequence[Any]) -> pa.Array:
    """Return values of one type as Arrow has it, of several as words."""
    import pyarrow as pa

    nested = [value if isinstance(value, dict | list) else None for value in values]
    if any(value is not None for value in nested):  # they are left out, whatever else there is
        try:
            return pa.array(nested)
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            return pa.array([None if value is None else [str(value)] for value in nested])
    kinds = {bool if isinstance(value, bool) else type(value) for value in values if value is not None}
    if len(kinds - {int, float}) <= 1 and not (len(kinds) > 1 and kinds - {int, float}):
        try:
            return pa.array(values)
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
            pass
    return pa.array([None if value is None else _word(value) for value in values], pa.string())


def _word(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, dt.timedelta):
        minutes, seconds = divmod(value.total_seconds(), 60)
        return f"{minutes // 60:.0f}:{minutes % 60:02.0f}:{seconds:06.3f}"
    return value.isoformat(" ") if isinstance(value, dt.datetime) else str(value)
