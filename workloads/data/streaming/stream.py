"""Describes a training split that is streamed: which rows it has, and how a process makes examples of them.

A row's split is a function of its content (of an image file, its path), so that all processes agree on it, and
copies of a row are never in two splits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from workloads.arrays import Array, Column, DataError
from workloads.data.streaming.files import Files, Piece
from workloads.tables.columns import encode, words

if TYPE_CHECKING:
    import pyarrow as pa

    from search_spaces.spec.data import Split


AT_ONCE_BYTES = 16 * 2**20
"""Largest size of the examples that are made at once."""


@dataclass(frozen=True)
class Shares:
    """Assigns rows to splits by the hash, between 0 and 1, of the values of their ``keys``."""

    keys: tuple[str, ...]
    """Columns that decide: the group if there is one, else all features, or the image."""
    seed: int
    test: float
    """Rows with a hash below it are of the test split; 0 where that has files of its own."""
    val: float
    """Rows with a hash from ``test`` to it are of the validation split, all others training rows."""

    @classmethod
    def of(cls, how: Split, keys: Sequence[str], own: Sequence[str]) -> Shares:
        """Return the shares of ``how``, without those of the splits ``own``, which have files of their own."""
        parts = {name: getattr(how, name) for name in ("train", "val", "test") if name not in own}
        total = sum(parts.values())
        test, val = (parts.get(name, 0.0) / total for name in ("test", "val"))
        return cls(tuple(keys), how.seed, test, test + val)

    def places(self, table: pa.Table) -> Array:
        """Return each row's hash (rows,), float64 from 0 to 1."""
        return self.hashes(table).astype(np.float64) / 2.0**64

    def hashes(self, table: pa.Table) -> Array:
        """Return each row's hash (rows,), uint64."""
        return row_hashes(table, self.keys, self.seed)


def row_hashes(table: pa.Table, columns: Sequence[str], begin: Array | int = 0) -> Array:
    """Return a hash of each row's values in ``columns`` (rows,), uint64, the same whatever rows are beside it.

    ``begin`` is the hash to begin with, one for all rows or one for each.
    """
    import pandas as pd

    with np.errstate(over="ignore"):
        found = np.full(table.num_rows, begin, dtype=np.uint64) * _ODD + np.uint64(1)
        for name in columns:
            found = found * _ODD + pd.util.hash_array(hashable(table[name]))
    # Mixed once more: the last column would otherwise change little but the lowest bits.
    mixed: Array = pd.util.hash_array(found)
    return mixed


_ODD = np.uint64(0x9E3779B97F4A7C15)


def hashable(column: pa.ChunkedArray) -> Array:
    """Return the column as float64, or as objects (bytes or strings), whatever rows are read beside these.

    A missing string or image is ``b""``, a missing number NaN.
    """
    import pyarrow as pa
    from pyarrow import compute

    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_struct(kind):
        column, kind = compute.struct_field(column, "bytes"), pa.binary()
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind):
        numbers = column.cast(pa.int8()) if pa.types.is_boolean(kind) else column
        return np.asarray(numbers.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)
    if not pa.types.is_binary(kind) and not pa.types.is_large_binary(kind):
        column = column.cast(pa.string())
    found = column.to_numpy()
    return np.array([b"" if value is None else value for value in found], dtype=object)


@dataclass(frozen=True)
class StreamTarget:
    """Reads the target column: one of ``classes``, or a number where there are none."""

    name: str
    numeric: bool
    """Whether all values, even if they are classes, are numbers."""
    classes: tuple[Any, ...] = ()

    def read(self, table: pa.Table) -> Any:
        """Return the column as a Series of strings or numbers. Raises DataError where a cell is empty."""
        import pandas as pd

        found = words(table[self.name].to_pandas(), ())
        if found.isna().any():
            raise DataError(f"column {self.name!r} is empty in {int(found.isna().sum())} of {len(found)} rows")
        return pd.to_numeric(found) if self.numeric else found

    def encode(self, table: pa.Table) -> Array:
        """Return (rows,) int64 classes, or (rows, 1) float64 numbers."""
        found = self.read(table)
        if not self.classes:
            return np.asarray(found, dtype=np.float64).reshape(-1, 1)
        place = {label: k for k, label in enumerate(self.classes)}
        return np.array([place[label] for label in found], dtype=np.int64)


class Examples(Protocol):
    """Makes examples of a source's rows."""

    def of(self, table: pa.Table) -> tuple[Array, Array]:
        """Return the inputs (rows, *example), and their rows in ``table``: bad images may be left out."""


@dataclass(frozen=True)
class TableRows:
    """Makes examples of a table's rows: float64, encoded by ``columns.encode``."""

    columns: tuple[Column, ...]
    place: str

    def of(self, table: pa.Table) -> tuple[Array, Array]:
        """Return features and their rows in ``table``. Unknown categories get codes above those of known ones."""
        frame = table.select([column.name for column in self.columns]).to_pandas()
        return encode(frame, self.columns, self.place)[0], np.arange(len(frame))


@dataclass(frozen=True)
class Stream:
    """The training rows of a streamed source; ``num_rows`` and ``class_counts`` count all of them."""

    files: Files
    shares: Shares
    target: StreamTarget
    examples: Examples
    num_rows: int
    class_counts: tuple[int, ...] = ()
    row_bytes: int = 1
    """Size of one example in bytes."""

    def read(self, piece: Piece) -> Iterator[Mapping[str, Array]]:
        """Read the training rows of a piece, some at a time, as inputs ``x`` and targets ``y``."""
        for table in self.files.tables(piece):
            whole = table.filter(self.shares.places(table) >= self.shares.val)
            at_once = max(1, AT_ONCE_BYTES // self.row_bytes)
            for start in range(0, whole.num_rows, at_once):
                rows = whole.slice(start, at_once)
                x, kept = self.examples.of(rows)
                if len(kept):
                    yield {"x": x, "y": self.target.encode(rows)[kept]}


class Shard(Protocol):
    """The part of a stream, or all of it, on which this process trains."""

    @property
    def stream(self) -> Stream:
        """The whole stream."""

    def portions(self, epoch: int, size: int) -> Iterator[tuple[Array, Array]]:
        """Return inputs and targets, ``size`` rows at a time, the last ones fewer, in the order of ``epoch``."""
