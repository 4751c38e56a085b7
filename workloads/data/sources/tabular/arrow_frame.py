"""Converts an Arrow table, such as a Parquet file's, to a DataFrame of columns that a model can learn from."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from workloads.tables.number_words import Evidence, Styles, styles, written_numbers

if TYPE_CHECKING:
    import pyarrow as pa

    from search_spaces.spec.data import Data

EXACT = 2**53
"""Whole numbers up to it are exact as floating-point numbers."""
BEYOND_EXACT = "holds numbers beyond 2^53, of which models see 15 digits (as category they stay exact)"
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
    styles: Styles = field(default_factory=dict)
    """How the numbers of columns are written, by which those of a further file are read."""


def of_words(data: Data) -> set[str | None]:
    """Return the names of columns whose cells are words even where all of them look like numbers."""
    return {
        data.split.group,
        *data.texts,
        *(name for name, kind in data.columns.items() if kind not in ("number", "datetime")),
    }


def typed_file(table: pa.Table, data: Data, known: Styles) -> TableFile:
    """Return an Arrow table's rows as ``table_file`` does, with numbers that are written as texts read."""
    import pyarrow as pa

    _refuse_doubled(table.column_names)
    words = {*of_words(data), data.target, data.image}
    texts = {
        name: table[name].cast(pa.string())
        for name in table.column_names
        if name not in words and _are_strings(table.schema.field(name).type)
    }
    ways = written_numbers(texts, {}, styles(data.decimal, data.thousands), Evidence(known=known))
    for name, way in ways.items():
        table = table.set_column(table.column_names.index(name), name, way.numbers)
    return replace(table_file(table, data), styles={name: way.styles[0] for name, way in ways.items()})


def _are_strings(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return any(check(kind) for check in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view))


def table_file(table: pa.Table, data: Data) -> TableFile:
    """Return an Arrow table's rows, with notes on columns that are converted or left out.

    Decimals become numbers, durations and times of day seconds; lists, records and bytes, but for images, are left
    out. Raises ValueError for columns of one name.
    """
    import pandas as pd

    _refuse_doubled(table.column_names)
    columns: dict[str, Any] = {}
    notes, index = [], _index_of(table)
    for name in table.column_names:
        if name in index and name not in (data.target, data.split.group, *data.columns):
            notes.append(
                f"column {name!r} is the index of a DataFrame: it is left out (data.columns can say otherwise)"
            )
            continue
        column, note = (table[name], "") if name == data.image else _usable(table[name])
        if column is None and name in (data.target, data.split.group):
            raise ValueError(f"column {name!r} {note.partition(',')[0]}: it must hold words or numbers")
        if column is not None:
            columns[name] = to_series(column)
        if note and data.columns.get(name) != "drop":
            notes.append(f"column {name!r} {note}")
    return TableFile(pd.DataFrame(columns), notes=tuple(notes))


def _refuse_doubled(names: Sequence[str]) -> None:
    doubled = [name for name, num in Counter(names).items() if num > 1]
    if doubled:
        raise ValueError(f"two columns are named {', '.join(map(repr, doubled[:5]))}: rename one")


def to_series(column: pa.ChunkedArray) -> Any:
    """Return a column as a pandas Series; whole numbers stay whole beside missing ones."""
    import pandas as pd
    import pyarrow as pa

    if column.null_count and pa.types.is_integer(column.type):
        wide = pa.uint64() if pa.types.is_unsigned_integer(column.type) else pa.int64()
        types = {pa.int64(): pd.Int64Dtype(), pa.uint64(): pd.UInt64Dtype()}
        return column.cast(wide).to_pandas(types_mapper=types.get)
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
    return column, BEYOND_EXACT if beyond_exact(column) else ""


def beyond_exact(column: pa.ChunkedArray) -> bool:
    """Return whether a column holds whole numbers that are too large for models to tell apart."""
    import pyarrow as pa
    from pyarrow import compute

    if not pa.types.is_integer(column.type) or len(column) == column.null_count:
        return False
    return any(abs(value) > EXACT for value in compute.min_max(column).as_py().values())
