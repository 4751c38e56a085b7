"""Checks that a table file has the columns that a spec names; reads only the first rows, or Parquet's footer."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from search_spaces.spec.column_kinds import DECLARED, column_fault
from search_spaces.spec.data import Data
from search_spaces.spec.yaml_document import Document
from search_spaces.types.error_text import one_line
from search_spaces.types.faults import nearest, shown

OWN_FILES = ("val", "test")
"""Keys of further files, beside the sweep's main one."""
_HEAD_CHARACTERS = 1 << 20
_SNIFFED_ROWS = 5
_END_COLUMNS = 1000


def check_table(document: Document, key: str, path: Path, data: Data) -> None:
    """Note a fault for a file that is not a table, and for each named column that it lacks."""
    try:
        columns, hint = (parquet_columns(path), "") if data.parquet else csv_columns(path, data.header)
    except (OSError, ValueError, csv.Error) as error:
        document.fault(("data", key), f"cannot be read: {one_line(error)[:120]}", shown(str(path)))
        return
    if data.target is None:
        if key not in OWN_FILES:
            document.fault(("data", "target"), f"is required: the column to predict, one of {_listed(columns)}")
        return
    group = None if key in OWN_FILES else data.split.group
    named = {"target": data.target, "image": data.image, "split.group": group}
    check_columns(document, path, columns, named, hint)
    if data.image is not None and data.image == data.target:
        document.fault(("data", "image"), "must be another column than the target", shown(data.image))
    if data.image is not None:
        for option in ("columns", "missing"):
            if option in data.model_fields_set:
                rule = "has no effect with data.image (only on tables)"
                document.fault(("data", option), rule, shown(getattr(data, option)))
        return
    if key != "test":
        _check_declared(document, path, data, columns)


def check_columns(
    document: Document, path: Path, columns: Sequence[str], named: Mapping[str, str | None], hint: str = ""
) -> None:
    """Note a fault for each key of ``data``, in ``named``, whose column is not in ``columns``."""
    for field, column in named.items():
        if column is not None and column not in columns:
            close = nearest(column, _compared(columns))
            rule = f"must be a column of {path.name}{hint}" + ("" if close else f" (it has {_listed(columns)})")
            document.fault(("data", *field.split(".")), rule, shown(column), close and repr(close))


def _check_declared(document: Document, path: Path, data: Data, columns: Sequence[str]) -> None:
    """Check ``data.columns``: each name is a feature of the file, each value a valid kind."""
    for name, kind in data.columns.items():
        where = ("data", "columns", name)
        if name == data.target:
            document.fault(where, "must be a feature, this is the target", shown(name))
        elif name not in columns:
            close = nearest(name, _compared(columns))
            document.fault(where, f"must be a column of {path.name}", shown(name), close and repr(close))
        elif rule := column_fault(kind):
            close = nearest(kind, DECLARED) if isinstance(kind, str) else None
            document.fault(where, rule, shown(kind), close and repr(close))


def _compared(columns: Sequence[str]) -> Sequence[str]:
    """Return the columns to compare with a name, of very many only the first and last ``_END_COLUMNS``.

    Comparing takes 20 us a column, and a target is usually at one end.
    """
    return columns if len(columns) <= 2 * _END_COLUMNS else [*columns[:_END_COLUMNS], *columns[-_END_COLUMNS:]]


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(columns[:8]) + (f" and {len(columns) - 8} more" if len(columns) > 8 else "")


def parquet_columns(path: Path) -> list[str]:
    """Return the names of the columns, nested ones as one. Raises ValueError for a file that is not Parquet."""
    import pyarrow.parquet  # 0.2 s

    try:
        return list(pyarrow.parquet.read_schema(path).names)
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise ValueError(f"it is no Parquet file: {error}") from None


def csv_columns(path: Path, header: bool) -> tuple[list[str], str]:
    """Return the names of the columns, and a hint for a missing column. Raises ValueError for an invalid table."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        head = file.read(_HEAD_CHARACTERS)
    rows = [row for _, row in zip(range(_SNIFFED_ROWS + 2), csv.reader(io.StringIO(head)), strict=False) if row]
    if len(head) == _HEAD_CHARACTERS:
        rows = rows[:-1]
    if len(rows) < 1 + header:
        raise ValueError("it must hold at least one example, one line each")
    first = rows[0]
    if len(first) < 2:
        raise ValueError("it must have at least two columns, separated by commas")
    uneven = next((k for k, row in enumerate(rows[:_SNIFFED_ROWS]) if len(row) != len(first)), None)
    if uneven is not None:
        raise ValueError(f"row {uneven + 1} has {len(rows[uneven])} cells and the first row {len(first)}")
    if not header:
        return [f"c{k}" for k in range(len(first))], ""
    doubled = next((name for name, num in Counter(first).items() if num > 1), None)
    if doubled is not None and not all(map(_is_number, first)):
        raise ValueError(f"two columns are named {doubled!r}")
    return first, " (its first line holds numbers: header: false?)" if all(map(_is_number, first)) else ""


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
