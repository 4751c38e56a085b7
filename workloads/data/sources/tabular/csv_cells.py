"""Reads the cells of a CSV file by Arrow: as strings, as they are written, or columns of fractions as numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search_spaces.spec.files.compressed import is_compressed, opened
from search_spaces.spec.files.dialect import Dialect, opened_text
from workloads.arrays import DataError
from workloads.data.sources.tabular.rewritten_csv import must_be_rewritten, plain_form, rewritten

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK_BYTES, MAX_BLOCK_BYTES = 2**20, 2**30
"""Size of the blocks that Arrow reads, at first and at most; a row must fit into one."""
PART_BLOCKS = 4
"""Blocks of a part of a file that is read in parts."""
BLOCK_BYTES_A_COLUMN = 2**13
"""The same for each column, as a block of a few long rows costs as much as one of many."""


@dataclass(frozen=True)
class Fractions:
    """Columns that are read as float64."""

    names: Sequence[str] = ()
    missing: Sequence[str] = ()
    """Words in them that stand for a missing value."""


NO_FRACTIONS = Fractions()


def cells(path: Path, dialect: Dialect, fractions: Fractions) -> pa.Table:
    """Return all cells as strings, as they are written; a further column holds what stands after the last one.

    The columns ``fractions`` are float64 if all of their cells are numbers, or missing.
    """
    import pyarrow as pa
    from pyarrow import compute
    from pyarrow import csv as csv_of_arrow

    with opened_text(path, dialect) as lines:
        must_rewrite = must_be_rewritten(lines, dialect)
    fractions = NO_FRACTIONS if must_rewrite else fractions
    block, quoted = block_bytes(dialect), _has_quotes(path, dialect)
    names = [*dialect.columns, *[""] * dialect.ends_with_separator]
    while True:
        try:
            with _source(path, dialect, must_rewrite) as source:
                form = plain_form(dialect) if must_rewrite else dialect
                options = arrow_options(form, names, block, fractions)
                options[1].newlines_in_values = quoted or must_rewrite
                found = csv_of_arrow.read_csv(source, *options)
        except pa.ArrowInvalid as error:
            if "straddling" in str(error) and block < MAX_BLOCK_BYTES:
                block *= 8
                continue
            if fractions.names:
                fractions = NO_FRACTIONS
                continue
            if "UTF8" in str(error):
                how = "say encoding: cp1252, or whatever it is in"
                raise ValueError(f"it is not in UTF-8 beyond its first lines: {how}") from error
            _refuse_ragged(path, dialect)
            if must_rewrite:
                raise ValueError(" ".join(str(error).split())) from error
            must_rewrite = True
        else:
            if dialect.ends_with_separator and compute.any(compute.not_equal(found.columns[-1], "")).as_py():
                _refuse_ragged(path, dialect)
            return found


def batches(path: Path, dialect: Dialect) -> Iterator[pa.Table]:
    """Yield all cells as strings, as they are written, in parts of some MiB: a file need not fit into memory.

    Raises DataError that lists the rows with too few or too many cells, ValueError for other faults.
    """
    import pyarrow as pa
    from pyarrow import csv as csv_of_arrow

    with opened_text(path, dialect) as lines:
        must_rewrite = must_be_rewritten(lines, dialect)
    names = [*dialect.columns, *[""] * dialect.ends_with_separator]
    form = plain_form(dialect) if must_rewrite else dialect
    options = arrow_options(form, names, PART_BLOCKS * block_bytes(dialect))
    options[1].newlines_in_values = must_rewrite or _has_quotes(path, dialect)
    try:
        with _source(path, dialect, must_rewrite) as source, csv_of_arrow.open_csv(source, *options) as rows:
            for batch in rows:
                yield pa.Table.from_batches([batch]).select(range(len(dialect.columns)))
    except pa.ArrowInvalid as error:
        _refuse_ragged(path, dialect)
        raise ValueError(" ".join(str(error).split())) from error


def _has_quotes(path: Path, dialect: Dialect) -> bool:
    """Return whether a file has quotes, which may hold line breaks; true where it is not worth a look."""
    if not dialect.quote or is_compressed(path) or dialect.encoding != "utf-8":
        return bool(dialect.quote)
    with opened(path) as file:
        return any(dialect.quote.encode() in block for block in iter(lambda: file.read(8 * BLOCK_BYTES), b""))


def arrow_options(
    dialect: Dialect, names: Sequence[str], block: int, fractions: Fractions = NO_FRACTIONS
) -> tuple[Any, Any, Any]:
    """Return Arrow's options to read, to parse and to convert ``names``, but for ``fractions`` all to strings."""
    import pyarrow as pa
    from pyarrow import csv

    read = csv.ReadOptions(
        column_names=names,
        skip_rows=dialect.skip_rows,
        skip_rows_after_names=int(dialect.header),
        block_size=block,
        encoding="utf8" if dialect.encoding == "utf-8" else dialect.encoding,
    )
    parse = csv.ParseOptions(
        delimiter=dialect.separator, quote_char=dialect.quote or False, newlines_in_values=bool(dialect.quote)
    )
    types = dict.fromkeys(names, pa.string()) | dict.fromkeys(fractions.names, pa.float64())
    return read, parse, csv.ConvertOptions(column_types=types, null_values=fractions.missing)  # strings stay


@contextmanager
def _source(path: Path, dialect: Dialect, must_rewrite: bool) -> Iterator[Any]:
    if must_rewrite:
        with opened_text(path, dialect) as lines:
            yield rewritten(lines, dialect)
    else:  # no memory map, which ends the process where the file is cut meanwhile
        with opened(path) as file:
            yield file


def _refuse_ragged(path: Path, dialect: Dialect) -> None:
    """Raise DataError that lists the rows with fewer or more cells than there are columns."""
    with opened_text(path, dialect) as lines:
        rule = dialect.ragged(lines)
    if rule:
        raise DataError(f"{path.name}:{rule}")


def block_bytes(dialect: Dialect) -> int:
    return max(BLOCK_BYTES, BLOCK_BYTES_A_COLUMN * len(dialect.columns))
