"""Reads files, local or in an object store, piece by piece, in any process that needs the rows of a piece.

The scan before a sweep and the tasks that read in every epoch get the same rows in the same types: the cells of a
CSV file are strings until the kinds of its columns are known.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote

from search_spaces.spec.files.dialect import Dialect, text_encoding
from search_spaces.spec.files.find_dialect import HEAD_BYTES, HEAD_LINES, dialect_of
from search_spaces.spec.files.steady import limited
from search_spaces.types.error_text import one_line
from workloads.arrays import DataError
from workloads.data.sources.tabular.csv_cells import BLOCK_BYTES, arrow_options
from workloads.data.sources.tabular.csv_file import ABSENT, missing_words, styles_in, with_nulls, without
from workloads.data.sources.tabular.odd_rows import without_headers
from workloads.data.sources.tabular.parquet_file import check_footer, check_rows
from workloads.data.sources.tabular.rewritten_csv import must_be_rewritten, plain_form, rewritten
from workloads.tables.number_words import PLAIN, Evidence, NumberStyle

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
    """CSV files with the same columns, one piece each; all cells are strings, null where a feature is missing."""

    place: str
    uri: str
    dialect: Dialect
    """The form of all files, found in the first."""
    pieces: tuple[Piece, ...]
    sizes: Mapping[str, int | None]
    """Size of each file in bytes by its path, beyond which it is not read; None where a server does not tell."""
    target: str | None = None
    styles: Mapping[str, NumberStyle] = field(default_factory=dict)
    """How numbers are written, of columns where that is not plain; their cells are read as plain numbers are."""
    missing: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Words that stand for a missing number in these columns."""
    must_rewrite: bool = False
    """Whether their form is one that Arrow does not know."""

    def tables(self, piece: Piece) -> Iterator[pa.Table]:
        """Read the rows of one piece as Arrow tables of strings."""
        import pyarrow as pa
        from pyarrow import csv

        for path in piece.paths:
            with _refused(self.place, path):
                names = self._columns_of(path)
                form = plain_form(self.dialect) if self.must_rewrite else self.dialect
                options = arrow_options(form, names, BLOCK_BYTES)
                with opened(self.uri, path) as file:
                    for batch in csv.open_csv(self._source(path, file), *options):
                        yield self._plain(pa.Table.from_batches([batch]))

    @property
    def told(self) -> dict[str, int | str]:
        """What is not usual about the form, by the key of the spec that says it."""
        found = self.dialect.told()
        for key in ("decimal", "thousands"):
            values = {str(getattr(style, key)) for style in self.styles.values()} - {getattr(PLAIN, key)}
            found |= {key: values.pop()} if len(values) == 1 else {}
        return found

    def _source(self, path: str, file: Any) -> Any:
        """Return the file as Arrow is to read it."""
        steady = self._steady(path, file)
        if not self.must_rewrite:
            return steady
        return rewritten(io.TextIOWrapper(steady, text_encoding(self.dialect), newline=""), self.dialect)

    def _steady(self, path: str, file: Any) -> Any:
        """Return the file, limited to its size. ValueError where that is not as it was."""
        size = self.sizes[path]
        if size is None:
            return file
        if file.size != size:
            change = f"from {size} to {file.size} bytes"
            raise ValueError(f"it has changed since the sweep began, {change}: name a complete copy")
        return limited(file, size)

    def _columns_of(self, path: str) -> list[str]:
        """Return the columns of one file, in its order. ValueError where some are missing."""
        dialect = self.dialect
        spare = [""] * dialect.ends_with_separator
        if not dialect.header:
            return [*dialect.columns, *spare]
        with opened(self.uri, path) as file, io.TextIOWrapper(file, text_encoding(dialect), newline="") as lines:
            _, header = next(iter(dialect.rows(lines)), (0, []))
        names = [cell.strip() or f"c{k}" for k, cell in enumerate(header[: len(header) - bool(spare)])]
        if gone := [name for name in dialect.columns if name not in names]:
            raise ValueError(f"it has no column {gone[0]!r}, as the first file has")
        return [*names, *spare]

    def _plain(self, table: pa.Table) -> pa.Table:
        import pyarrow as pa

        table = table.select(self.dialect.columns)
        if self.dialect.header:
            kept = without_headers(dict(zip(table.column_names, table.columns, strict=True)))
            table = table if not kept.notes else pa.table(kept.columns)
        for k, name in enumerate(self.dialect.columns):
            column = with_nulls(table[name], ("",) if name == self.target else ("", *ABSENT))
            if (style := self.styles.get(name)) is not None:
                cells = without(column, self.missing[name])
                if (other := style.first_other(cells)) is not None:
                    how = f"decimal: {style.decimal!r}, thousands: {style.thousands!r}"
                    raise ValueError(f"column {name!r} holds {other!r}, and its first rows numbers with {how}")
                column = style.plain(cells)
            table = table.set_column(k, name, column)
        return table


@dataclass(frozen=True)
class ParquetFiles:
    """Parquet files with the same columns, one piece for each row group."""

    place: str
    uri: str
    pieces: tuple[Piece, ...]
    parts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Columns that folders named ``country=DE`` stand for, by a file's path: one value for all of its rows."""

    def tables(self, piece: Piece) -> Iterator[pa.Table]:
        """Read the rows of one piece as Arrow tables of at most ROWS_AT_ONCE rows."""
        import pyarrow as pa
        from pyarrow import parquet

        groups = None if piece.group is None else [piece.group]
        for path in piece.paths:
            with _refused(self.place, path), opened(self.uri, path) as file:
                whole, found = parquet.ParquetFile(file), 0
                for batch in whole.iter_batches(ROWS_AT_ONCE, row_groups=groups):
                    found += batch.num_rows
                    yield self._with_parts(path, pa.Table.from_batches([batch]))
                group = None if piece.group is None else whole.metadata.row_group(piece.group)
                check_rows(found, (group or whole.metadata).num_rows)

    def _with_parts(self, path: str, table: pa.Table) -> pa.Table:
        import pyarrow as pa

        for name, value in self.parts.get(path, {}).items():
            if name not in table.column_names:
                table = table.append_column(name, pa.array([value] * table.num_rows, pa.string()))
        return table


def _parts(uri: str, paths: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return the columns that the folders of each file stand for. Raises ValueError where they are not the same."""
    root = root_of(uri.split("*")[0].rpartition("/")[0] if "*" in uri else uri)
    found = {
        path: dict(part.split("=", 1) for part in path[len(root) :].split("/")[:-1] if "=" in part)
        for path in paths
    }
    first, *others = found
    for path in others:
        if unlike := found[path].keys() ^ found[first].keys():
            raise ValueError(
                f"not all files are in a folder named {min(unlike)}=...: move them, or name one folder"
            )
    return {path: {name: unquote(value) for name, value in parts.items()} for path, parts in found.items()}


def table_files(data: Data) -> CsvFiles | ParquetFiles:
    """Return the CSV or Parquet files that ``data`` names: a file, a pattern or a folder. DataError without any."""
    from pyarrow import parquet

    key, uri = ("csv", data.csv) if data.csv is not None else ("parquet", data.parquet)
    assert uri is not None
    place = f"data.{key}: {PurePosixPath(uri).name}"
    paths: list[str] = []
    parts: dict[str, dict[str, str]] = {}
    for each in (uri, *data.also):
        with _refused(place, each):
            found = listed(each, f".{key}")
            if not found:
                raise DataError(f"{place}: there is no {key} file in {each}")
            paths += found
            parts |= _parts(each, found) if key == "parquet" else {}
    with _refused(place, uri):
        if key == "parquet":
            pieces = []
            for path in paths:
                with opened(uri, path) as file:
                    metadata = parquet.ParquetFile(file).metadata
                    check_footer(metadata, file.seek(0, io.SEEK_END))
                pieces += [Piece((path,), k) for k in range(metadata.num_row_groups)]
            return ParquetFiles(place, uri, tuple(pieces), parts)
        return _csv_files(place, uri, paths, data)


def _csv_files(place: str, uri: str, paths: Sequence[str], data: Data) -> CsvFiles:
    with opened(uri, paths[0]) as file:
        head = file.read(HEAD_BYTES)
    dialect = dialect_of(head, len(head) < HEAD_BYTES, data)
    lines = head.decode(dialect.encoding, errors="replace").splitlines(keepends=True)[:HEAD_LINES]
    sizes = dict(zip(paths, filesystem_at(uri)[0].sizes(paths), strict=True))
    files = CsvFiles(
        place,
        uri,
        dialect,
        tuple(Piece((path,)) for path in paths),
        sizes,
        data.target,
        must_rewrite=must_be_rewritten(lines, dialect),
    )
    first = next(files.tables(files.pieces[0]), None)
    columns = {} if first is None else dict(zip(first.column_names, first.columns, strict=True))
    evidence = Evidence(dots_are_decimal=dialect.separator != ";")
    found = styles_in(columns, data, evidence)
    return replace(files, styles=found, missing={name: missing_words(name, data) for name in found})


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


def is_local(uri: str) -> bool:
    """Return whether the files at ``uri`` are on a file system of this machine."""
    from fsspec.implementations.local import LocalFileSystem

    return isinstance(filesystem_at(uri)[0], LocalFileSystem)


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
        if not (isinstance(error, _UNREADABLE) or _is_of_a_store(error)):
            raise
        raise DataError(f"{place}: {path} cannot be read: {one_line(error)}") from error


_UNREADABLE = (OSError, ValueError, KeyError, NotImplementedError, MemoryError, ImportError)
"""Errors of Arrow and of file systems."""


def _is_of_a_store(error: BaseException) -> bool:
    """Return whether an object store's client raised the error; its classes exist only where it is installed."""
    return type(error).__module__.split(".")[0] in ("botocore", "aiobotocore", "s3fs", "gcsfs", "google", "aiohttp")
