"""Files that are read piece by piece, here or in an object store, by whatever process needs the rows of a piece.

The process that looks at the data before a sweep, and the tasks that read it in every epoch, see the same rows in
the same types: a CSV file's cells are words until its columns are known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Protocol

from workloads.arrays import DataError

if TYPE_CHECKING:
    import pyarrow as pa

    from search_spaces.spec.data import Data

ROWS_AT_ONCE = 1024
"""Of a Parquet file: images may take 100 kB each."""


@dataclass(frozen=True)
class Piece:
    """What one task reads: files of one kind, or with ``group`` a row group of one Parquet file."""

    paths: tuple[str, ...]
    group: int | None = None


class Files(Protocol):
    """A source's files, as pieces of rows."""

    @property
    def place(self) -> str:
        """For people: the key of the spec, and the name of the file or folder."""

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """In the order of their names."""

    def tables(self, piece: Piece) -> Iterator[pa.Table]:
        """The piece's rows, a few at a time. DataError where they cannot be read."""


@dataclass(frozen=True)
class CsvFiles:
    """CSV files of equal columns; all cells are words, null where empty or NA."""

    place: str
    uri: str
    header: bool
    names: tuple[str, ...]
    pieces: tuple[Piece, ...]

    def tables(self, piece: Piece) -> Iterator[pa.Table]:
        """Rows of one piece of a CSV file, as Arrow tables."""
        import pyarrow as pa
        from pyarrow import csv

        words = dict.fromkeys(self.names, pa.string())
        read = csv.ReadOptions() if self.header else csv.ReadOptions(column_names=list(self.names))
        how = csv.ConvertOptions(column_types=words, include_columns=self.names, strings_can_be_null=True)
        for path in piece.paths:
            with _refused(self.place, path), opened(self.uri, path) as file:
                for batch in csv.open_csv(file, read_options=read, convert_options=how):
                    yield pa.Table.from_batches([batch])


@dataclass(frozen=True)
class ParquetFiles:
    """Parquet files of equal columns, a piece a row group."""

    place: str
    uri: str
    pieces: tuple[Piece, ...]

    def tables(self, piece: Piece) -> Iterator[pa.Table]:
        """Rows of one piece of a Parquet file, as Arrow tables."""
        import pyarrow as pa
        from pyarrow import parquet

        groups = None if piece.group is None else [piece.group]
        for path in piece.paths:
            with _refused(self.place, path), opened(self.uri, path) as file:
                for batch in parquet.ParquetFile(file).iter_batches(ROWS_AT_ONCE, row_groups=groups):
                    yield pa.Table.from_batches([batch])


def table_files(data: Data) -> CsvFiles | ParquetFiles:
    """The file, the files that match, or those in the folder that ``data`` names. DataError where there is none."""
    from pyarrow import csv, parquet

    key, uri = ("csv", data.csv) if data.csv is not None else ("parquet", data.parquet)
    assert uri is not None
    place = f"data.{key}: {PurePosixPath(uri).name}"
    with _refused(place, uri):
        paths = listed(uri, f".{key}")
        if not paths:
            raise DataError(f"{place}: there is no {key} file in {uri}")
        if key == "parquet":
            pieces = []
            for path in paths:
                with opened(uri, path) as file:
                    pieces += [Piece((path,), k) for k in range(parquet.ParquetFile(file).num_row_groups)]
            return ParquetFiles(place, uri, tuple(pieces))
        with opened(uri, paths[0]) as file:
            found = csv.open_csv(file).schema.names
    names = found if data.header else [f"c{k}" for k in range(len(found))]
    return CsvFiles(place, uri, data.header, tuple(names), tuple(Piece((path,)) for path in paths))


def listed(uri: str, ending: str = "") -> list[str]:
    """Paths of the files at ``uri``: a file, a folder or a pattern with *; in order, without hidden ones."""
    filesystem, path = filesystem_at(uri)
    if "*" in path:
        found: Sequence[str] = filesystem.glob(path)
    elif filesystem.isfile(path):
        return [path]
    else:
        found = [name for name in filesystem.find(path) if name.endswith(ending)]
    root = path.split("*")[0].rstrip("/")
    hidden = (".", "_")
    return sorted(n for n in found if not any(p.startswith(hidden) for p in n[len(root) :].strip("/").split("/")))


def opened(uri: str, path: str) -> Any:
    """The file ``path`` of the file system that ``uri`` names, for reading bytes."""
    return filesystem_at(uri)[0].open(path, "rb")


def content(uri: str, path: str) -> bytes:
    """All bytes of a file of the file system that ``uri`` names."""
    found: bytes = filesystem_at(uri)[0].cat_file(path)
    return found


def root_of(uri: str) -> str:
    """What the paths of the files in the folder ``uri`` begin with."""
    return filesystem_at(uri)[1].rstrip("/")


def filesystem_at(uri: str) -> tuple[Any, str]:
    """fsspec's file system of ``uri``, and its path there."""
    from fsspec.core import url_to_fs

    found, path = url_to_fs(uri)
    return found, str(path)


@contextmanager
def _refused(place: str, path: str) -> Iterator[None]:
    """Says of what arrow, the file system or a store raises which file it was."""
    try:
        yield
    except FileNotFoundError as error:
        raise DataError(f"{place}: there is no {path}") from error
    except Exception as error:
        if not (isinstance(error, OSError | ValueError | ImportError) or _is_of_a_store(error)):
            raise
        reason = " ".join(str(error).split())[:300]
        raise DataError(f"{place}: {path} cannot be read: {reason}") from error


def _is_of_a_store(error: BaseException) -> bool:
    """Clients of object stores raise their own, which only their packages could name."""
    return type(error).__module__.split(".")[0] in ("botocore", "aiobotocore", "s3fs", "gcsfs", "google", "aiohttp")
