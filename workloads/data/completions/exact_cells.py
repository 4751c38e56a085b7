"""Reads columns of texts exactly as they are written: white space of a prompt or a completion is part of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search_spaces.spec.files.find_dialect import find_dialect
from search_spaces.spec.files.json_lines import records
from search_spaces.types.error_text import one_line
from workloads.arrays import DataError
from workloads.data.sources.tabular.csv_cells import NO_FRACTIONS, cells
from workloads.data.sources.tabular.parquet_file import UNREADABLE

if TYPE_CHECKING:
    import pyarrow as pa

    from search_spaces.spec.data import Data

Columns = dict[str, list[str | None]]
"""Texts by column; None is a missing one."""


def exact_cells(path: str, data: Data, names: Sequence[str]) -> Columns:
    """Return columns of a CSV, Parquet or JSON lines file, of the first one with those of ``data.also``.

    Numbers and truth values are as JSON has them. An empty cell of a CSV file is a missing one. Raises DataError
    where a file cannot be read, or lacks a column.
    """
    read = READERS["parquet" if data.parquet else "jsonl" if data.jsonl else "csv"]
    found: Columns = {name: [] for name in names}
    for each in (path, *(data.also if path == data.table_file else ())):
        try:
            columns = read(Path(each), data, names)
        except FileNotFoundError as error:
            raise DataError(f"there is no file {each}") from error
        except UNREADABLE as error:
            raise DataError(f"{each} cannot be read: {one_line(error)}") from error
        for name in names:
            if name not in columns:
                raise DataError(f"{Path(each).name} has no column {name!r}; it has {', '.join(list(columns)[:20])}")
            absent = data.missing_in(name)
            found[name] += [None if value in absent else value for value in columns[name]]
    return found


def _csv(path: Path, data: Data, names: Sequence[str]) -> Columns:
    dialect = find_dialect(path, data)
    table = cells(path, dialect, NO_FRACTIONS)
    columns = dict(zip(dialect.columns, table.columns, strict=False))
    return {
        name: [cell or None for cell in column.to_pylist()] if name in names else []
        for name, column in columns.items()
    }


def _json_lines(path: Path, data: Data, names: Sequence[str]) -> Columns:
    rows = list(records(path))
    known = dict.fromkeys(key for row in rows for key in row)
    return {name: [_word(row.get(name)) for row in rows] if name in names else [] for name in known}


def _parquet(path: Path, data: Data, names: Sequence[str]) -> Columns:
    import pyarrow.parquet

    schema = pyarrow.parquet.read_schema(str(path))
    there: pa.Table = pyarrow.parquet.read_table(
        str(path), columns=[name for name in names if name in schema.names]
    )
    return {
        name: [*map(_word, there[name].to_pylist())] if name in there.column_names else [] for name in schema.names
    }


def _word(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, dict | list | bytes):
        raise ValueError(f"a text must be a text, received {str(value)[:40]}")
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


READERS: Mapping[str, Callable[[Path, Data, Sequence[str]], Columns]] = {
    "csv": _csv,
    "jsonl": _json_lines,
    "parquet": _parquet,
}
