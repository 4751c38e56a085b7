"""A training split that stays where it is: which rows it has, and what examples they are, for whoever reads them.

A row's split is told by what it holds (or, of a file of its own, by its name), so that every process that meets it
anywhere agrees, and copies of a row are never in two splits.
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
"""Examples are made in portions of this size."""


@dataclass(frozen=True)
class Shares:
    """Which split a row is in: by where the hash of its ``keys`` falls between 0 and 1."""

    keys: tuple[str, ...]
    """The group, or all features; of images the picture."""
    seed: int
    test: float
    """Rows below it are the test split's; 0 where that has files of its own."""
    val: float
    """Rows between the two are the validation split's, all others training rows."""

    @classmethod
    def of(cls, how: Split, keys: Sequence[str], own: Sequence[str]) -> Shares:
        """The fractions of ``how``, without the splits that have files of their ``own``."""
        parts = {name: getattr(how, name) for name in ("train", "val", "test") if name not in own}
        total = sum(parts.values())
        test, val = (parts.get(name, 0.0) / total for name in ("test", "val"))
        return cls(tuple(keys), how.seed, test, test + val)

    def places(self, table: pa.Table) -> Array:
        """Where each row falls, (rows,) float64 in 0 to 1."""
        import pandas as pd

        with np.errstate(over="ignore"):
            found = np.full(table.num_rows, np.uint64(self.seed) * _ODD + np.uint64(1), dtype=np.uint64)
            for key in self.keys:
                found = found * _ODD + pd.util.hash_array(hashable(table[key]))
        # What was added last would otherwise be told by the lowest bits alone.
        mixed: Array = pd.util.hash_array(found).astype(np.float64)
        return mixed / 2.0**64


_ODD = np.uint64(0x9E3779B97F4A7C15)


def hashable(column: pa.ChunkedArray) -> Array:
    """The column in a form that does not depend on which other rows are read beside it: float64, or objects."""
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
    """How the target column is read: as one of ``classes``, or as a number where there are none."""

    name: str
    numeric: bool
    """The classes are numbers."""
    classes: tuple[Any, ...] = ()

    def read(self, table: pa.Table) -> Any:
        """The column as a Series of words or numbers. DataError where a cell is empty."""
        import pandas as pd

        found = words(table[self.name].to_pandas(), ())
        if found.isna().any():
            raise DataError(f"column {self.name!r} is empty in {int(found.isna().sum())} of {len(found)} rows")
        return pd.to_numeric(found) if self.numeric else found

    def encode(self, table: pa.Table) -> Array:
        """(rows,) int64 classes, or (rows, 1) float64 numbers."""
        found = self.read(table)
        if not self.classes:
            return np.asarray(found, dtype=np.float64).reshape(-1, 1)
        place = {label: k for k, label in enumerate(self.classes)}
        return np.array([place[label] for label in found], dtype=np.int64)


class Examples(Protocol):
    """What a source's rows are to a model."""

    def of(self, table: pa.Table) -> tuple[Array, Array]:
        """The inputs (rows, *example), and which of the table's rows they are."""


@dataclass(frozen=True)
class TableRows:
    """Rows of a table with known columns: float64, as ``columns.encode`` gives them."""

    columns: tuple[Column, ...]
    place: str

    def of(self, table: pa.Table) -> tuple[Array, Array]:
        """Features, and their rows in ``table``. Unknown words get the codes behind the known ones."""
        frame = table.select([column.name for column in self.columns]).to_pandas()
        return encode(frame, self.columns, self.place)[0], np.arange(len(frame))


@dataclass(frozen=True)
class Stream:
    """The training rows of a source. ``num_rows`` and ``class_counts`` are of all of them."""

    files: Files
    shares: Shares
    target: StreamTarget
    examples: Examples
    num_rows: int
    class_counts: tuple[int, ...] = ()
    row_bytes: int = 1
    """What one takes as an example."""

    def read(self, piece: Piece) -> Iterator[Mapping[str, Array]]:
        """The training rows of a piece, a few at a time: inputs ``x``, targets ``y``."""
        for table in self.files.tables(piece):
            whole = table.filter(self.shares.places(table) >= self.shares.val)
            at_once = max(1, AT_ONCE_BYTES // self.row_bytes)
            for start in range(0, whole.num_rows, at_once):
                rows = whole.slice(start, at_once)
                x, kept = self.examples.of(rows)
                if len(kept):
                    yield {"x": x, "y": self.target.encode(rows)[kept]}


class Shard(Protocol):
    """This process's part of a stream, or all of it, as it is trained on."""

    @property
    def stream(self) -> Stream:
        """The whole of it."""

    def portions(self, epoch: int, size: int) -> Iterator[tuple[Array, Array]]:
        """Inputs and targets of ``size`` rows, in the end of fewer, in the order of ``epoch`` (from 0)."""
