"""Reads files, local or in an object store, piece by piece, in any process that needs the rows of a piece.

The scan before a sweep and the tasks that read in every epoch get the same rows in the same types: the cells of a
CSV file are strings until the kinds of its columns are known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Protocol

from search_spaces.types.error_text import one_line
from workloads.arrays import DataError

if TYPE_CHECKING:
    import pyarrow as pa

    from search_spaces.spec.data import Data

ROWS_AT_ONCE = 1024
"""Rows of a Parquet file that are read at once: images may take 100 kB each."""


@dataclass(frozen=True)
class Piece:
    """Part of a source that one task reads: whole files, or with ``group`` a row group of one Parquet file."""

    paths: tuple[str, ...]
    group: int | None = None


class Files(Protocol):
    """The files of a source, divided into pieces."""

    @property
    def place(self) -> str:
        """Name of the source in messages: the key of the spec, and the file or folder."""

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """Pieces of the source, in an order that is the same in every process."""

    def tables(self, piece: Piece) -> Iterator[pa.Table]:
        """Read the piece's rows, some at a time. Raises DataError where they cannot be read."""


@dataclass(frozen=True)
class CsvFiles:
    """CSV files with the same columns, one piece each; all cells are strings, null where empty or NA."""

    place: str
    uri: str
    header: bool
    names: tuple[str, ...]
    pieces: tuple[Piece, ...]

    def tables(self, piece: Piece) -> Iterator[pa.Table]:
        """Read the rows of one piece as Arrow tables of strings."""
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
    """Parquet files with the same columns, one piece for each row group."""

    place: str
    uri: str
    pieces: tuple[Piece, ...]

    def tables(self, piece: Piece) -> Iterator[pa.Table]:
        """Read the rows of one piece as Arrow tables of at most ROWS_AT_ONCE rows."""
        import pyarrow as pa
        from pyarrow import parquet

        groups = None if piece.group is None else [piece.group]
        for path in piece.paths:
            with _refused(self.place, path), opened(self.uri, path) as file:
                for batch in parquet.ParquetFile(file).iter_batches(ROWS_AT_ONCE, row_groups=groups):
                    yield pa.Table.from_batches([batch])


def table_files(data: Data) -> CsvFiles | ParquetFiles:
    """Return the CSV or Parquet files that ``data`` names: a file, a pattern or a folder. DataError without any."""
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
    """Return the sorted paths of the files at ``uri``, a file, a folder or a pattern with *; without hidden ones.

    Of a folder, those that end with ``ending``. Hidden: a file or folder whose name begins with . or _.
    """
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
    """Open the file ``path`` on the file system of ``uri``, to read bytes."""
    return filesystem_at(uri)[0].open(path, "rb")


def content(uri: str, path: str) -> bytes:
    """Return all bytes of the file ``path`` on the file system of ``uri``."""
    found: bytes = filesystem_at(uri)[0].cat_file(path)
    return found


def root_of(uri: str) -> str:
    """Return the path of the folder ``uri`` on its file system, with which the paths of its files begin."""
    return filesystem_at(uri)[1].rstrip("/")


def filesystem_at(uri: str) -> tuple[Any, str]:
    """Return fsspec's file system of ``uri``, and the path on it."""
    from fsspec.core import url_to_fs

    found, path = url_to_fs(uri)
    return found, str(path)


@contextmanager
def _refused(place: str, path: str) -> Iterator[None]:
    """Raise DataError that names the file in place of an error of Arrow, the file system or an object store."""
    try:
        yield
    except FileNotFoundError as error:
        raise DataError(f"{place}: there is no {path}") from error
    except Exception as error:
        if not (isinstance(error, OSError | ValueError | ImportError) or _is_of_a_store(error)):
            raise
        raise DataError(f"{place}: {path} cannot be read: {one_line(error)}") from error


def _is_of_a_store(error: BaseException) -> bool:
    """Return whether an object store's client raised the error; its classes exist only where it is installed."""
    return type(error).__module__.split(".")[0] in ("botocore", "aiobotocore", "s3fs", "gcsfs", "google", "aiohttp")
