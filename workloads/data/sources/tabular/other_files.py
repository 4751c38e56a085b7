"""Reads tables of Excel sheets, JSON lines, and Feather files, which are Arrow's own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search_spaces.spec.files.json_lines import records
from search_spaces.spec.files.xlsx import sheet_columns, sheet_rows
from workloads.data.sources.tabular.arrow_frame import TableFile, table_file, typed_file
from workloads.data.sources.tabular.csv_file import typed_columns
from workloads.data.sources.tabular.number_words import Evidence, Styles

if TYPE_CHECKING:
    import pyarrow as pa

    from search_spaces.spec.data import Data

EXCEL_ERRORS = ("#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#NULL!", "#N/A")
"""What a cell holds whose formula failed: it counts as missing."""


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
    columns = list(zip_longest(*(rows[1:] if data.header else rows)))
    header = [*rows[0], *[None] * (len(columns) - len(rows[0]))]
    cells = [[None if cell in EXCEL_ERRORS else cell for cell in column] for column in columns]
    names = sheet_columns(header, data.header)
    kept = {
        name: column
        for name, head, column in zip(names, header, cells, strict=True)
        if head is not None or any(cell is not None for cell in column)
    }
    return _of_values(kept, data, known)


def _of_values(columns: Mapping[str, Sequence[Any]], data: Data, known: Styles) -> TableFile:
    """Return a table of Python's values: columns of texts, or of several types, are read as a CSV file's are."""
    import pyarrow as pa

    arrays = {name: _array(values) for name, values in columns.items()}
    texts = {name: pa.chunked_array([a]) for name, a in arrays.items() if pa.types.is_string(a.type)}
    typed = typed_columns(texts, data, Evidence(known=known))
    found = table_file(pa.table({**arrays, **typed.columns}), data)
    return TableFile(found.frame, typed.form, tuple(dict.fromkeys((*typed.notes, *found.notes))), typed.styles)


def _array(values: Sequence[Any]) -> pa.Array:
    """Return values of one type as Arrow has it, of several as words."""
    import pyarrow as pa

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
    return value.isoformat(" ") if isinstance(value, dt.datetime) else str(value)
