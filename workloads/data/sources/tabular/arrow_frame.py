"""Converts an Arrow table, such as a Parquet file's, to a DataFrame of columns that a model can learn from."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

    from search_spaces.spec.data import Data

EXACT = 2**53
"""Whole numbers up to it are exact as floating-point numbers."""
UNITS: Mapping[str, float] = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
"""Units of durations and times of day, by how many are a second."""


@dataclass(frozen=True)
class TableFile:
    """A file of a table as it was read."""

    frame: Any
    """A DataFrame; the columns of a file without a header are ``c0``, ``c1``, ..."""
    details: Mapping[str, int | str] = field(default_factory=dict)
    """What is not as in most files, by the key of the spec that says it."""
    notes: tuple[str, ...] = ()
    """Sentences on columns that are converted or left out."""


def table_file(table: pa.Table, data: Data) -> TableFile:
    """Return an Arrow table's rows, with notes on columns that are converted or left out.

    Decimals become numbers, durations and times of day seconds; lists, records and bytes, but for images, are left
    out. Raises ValueError for columns of one name.
    """
    import pandas as pd

    doubled = [name for name, num in Counter(table.column_names).items() if num > 1]
    if doubled:
        raise ValueError(f"two columns are named {', '.join(map(repr, doubled[:5]))}: rename one")
    columns: dict[str, Any] = {}
    notes = []
    for name in table.column_names:
        if name in _index_of(table) and name not in (data.target, data.split.group):
            continue
        column, note = (table[name], "") if name == data.image else _usable(table[name])
        if column is not None:
            columns[name] = to_series(column)
        if note and data.columns.get(name) != "drop":
            notes.append(f"column {name!r} {note}")
    return TableFile(pd.DataFrame(columns), notes=tuple(notes))


def to_series(column: pa.ChunkedArray) -> Any:
    """Return a column as a pandas Series; whole numbers stay whole beside missing ones."""
    import pandas as pd
    import pyarrow as pa

    if column.null_count and pa.types.is_integer(column.type):
        return column.cast(pa.int64()).to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
    return column.to_pandas()


def _index_of(table: pa.Table) -> set[str]:
    """Return the columns that pandas wrote as the index of a DataFrame."""
    stored = (table.schema.metadata or {}).get(b"pandas")
    index = json.loads(stored)["index_columns"] if stored else []
    return {name for name in index if isinstance(name, str)}


def _usable(column: pa.ChunkedArray) -> tuple[pa.ChunkedArray | None, str]:
    """Return a column as a type that is known, None for one that no feature can be, and a note on it."""
    import pyarrow as pa
    from pyarrow import compute

    kind = column.type
    if pa.types.is_decimal(kind):
        return column.cast(pa.float64()), ""
    if pa.types.is_duration(kind) or pa.types.is_time(kind):
        whole = column.cast(pa.int32() if pa.types.is_time32(kind) else pa.int64())
        what = "a time of day" if pa.types.is_time(kind) else "a duration"
        return compute.divide(whole.cast(pa.float64()), UNITS[kind.unit]), f"is {what}, read as seconds"
    if pa.types.is_nested(kind):
        what = "lists" if pa.types.is_list(kind) or pa.types.is_large_list(kind) else "records"
        return None, f"holds {what}, which are no feature: it is left out"
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return None, "holds bytes, which are no feature: it is left out"
    if pa.types.is_integer(kind) and len(column) > column.null_count:
        largest = max(abs(value) for value in compute.min_max(column).as_py().values())
        if largest > EXACT:
            return column, "holds numbers beyond 2^53, of which models see 15 digits (as category they stay exact)"
    return column, ""
