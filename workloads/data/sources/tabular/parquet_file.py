"""Reads Parquet files whose footer agrees with the file: a footer may claim anything."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from search_spaces.spec.files.memory import GIB, memory_bytes
from search_spaces.types.error_text import one_line
from workloads.data.sources.tabular.arrow_frame import TableFile, typed_file
from workloads.tables.number_words import Styles

if TYPE_CHECKING:
    from pyarrow.parquet import FileMetaData

    from search_spaces.spec.data import Data

UNREADABLE = (OSError, ValueError, TypeError, LookupError, NotImplementedError, MemoryError)
"""Errors of pandas and Arrow on damaged files of any kind, found by damaging thousands."""
BYTES_A_CELL = 8
"""Size of a cell in memory, at least."""


def read_parquet(path: Path, data: Data, known: Styles) -> TableFile:
    """Read a Parquet file.

    Raises ValueError where its footer claims what the file does not hold, or more than fits into memory.
    """
    from pyarrow import parquet

    try:
        whole = parquet.ParquetFile(path)
        check_footer(whole.metadata, path.stat().st_size)
        check_fits([whole.metadata])
        rows = whole.read()
        check_rows(rows.num_rows, whole.metadata.num_rows)
        return typed_file(rows, data, known)
    except FileNotFoundError:
        raise
    except UNREADABLE as error:
        raise ValueError(one_line(error)) from error


def check_footer(metadata: FileMetaData, num_bytes: int) -> None:
    """Raise ValueError where a footer contradicts itself or the file's size."""
    groups = [metadata.row_group(k) for k in range(metadata.num_row_groups)]
    check_rows(sum(group.num_rows for group in groups), metadata.num_rows)
    for group in groups:
        for k in range(group.num_columns):
            column = group.column(k)
            flat = "." not in column.path_in_schema
            if column.num_values < 0 or (flat and column.num_values != group.num_rows):
                name, rows = column.path_in_schema, group.num_rows
                raise ValueError(f"its footer claims {column.num_values} values of {name} in {rows} rows")
            begin = column.dictionary_page_offset or column.data_page_offset
            if not 0 <= begin <= begin + column.total_compressed_size <= num_bytes:
                raise ValueError(
                    f"its footer places column {column.path_in_schema} at bytes {begin} to "
                    f"{begin + column.total_compressed_size} of {num_bytes}"
                )


def check_fits(footers: Sequence[FileMetaData]) -> None:
    """Raise ValueError for more rows than this machine's memory holds, before any of them is read."""
    needed = sum(
        max(
            footer.num_rows * footer.num_columns * BYTES_A_CELL,
            sum(footer.row_group(k).total_byte_size for k in range(footer.num_row_groups)),
        )
        for footer in footers
    )
    if needed > memory_bytes():
        raise ValueError(
            f"by its footer it takes {needed / GIB:.1f} GiB or more, and this machine has "
            f"{memory_bytes() / GIB:.1f}: say data.streaming: true"
        )


def check_rows(found: int, claimed: int) -> None:
    """Raise ValueError where a file holds another number of rows than its footer claims."""
    if found != claimed:
        raise ValueError(f"its footer claims {claimed} rows, and there are {found}: it is damaged")
