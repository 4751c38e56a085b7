"""Writes predictions to a new CSV or Parquet file, or to standard output; what breaks off leaves no file."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from search_spaces.types.error_text import one_line
from workloads.arrays import DataError

ENDINGS: Final = (".csv", ".parquet")


class Output:
    """A table that is written part by part, as CSV or by its name as Parquet; ``path`` None is standard output."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._part = None if path is None else path.with_name(f".{path.name}.{os.getpid()}")
        self._open: Any = None
        self._columns: list[Any] = []

    def __enter__(self) -> Output:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        if self._open is not None and self._part is not None:
            self._open.close()
            if kind is None:
                self._name(self._part)
        if self._part is not None:
            self._part.unlink(missing_ok=True)

    def _name(self, part: Path) -> None:
        """Give the whole file its name. Raises FileExistsError where a file has come there meanwhile."""
        assert self.path is not None
        try:
            os.link(part, self.path)
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links, such as exFAT
            if self.path.exists():
                raise
            part.rename(self.path)

    def write(self, frame: Any) -> None:
        """Write some rows, in the order of the first ones' columns.

        Raises OSError, and DataError where they have other columns, or a Parquet file's would have several types.
        """
        self._columns = self._columns or list(frame.columns)
        if unlike := sorted(map(str, set(self._columns) ^ set(frame.columns))):
            raise DataError(
                f"the files have different columns, as {unlike[0]!r}: leave out --keep, or predict each"
            )
        frame = frame[self._columns]
        if self.path is not None and self.path.suffix == ".parquet":
            self._parquet(frame)
            return
        first = self._open is None
        if first:
            self._open = sys.stdout if self._part is None else self._part.open("x", encoding="utf-8", newline="")
        flat(frame).to_csv(self._open, index=False, header=first)

    def _parquet(self, frame: Any) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        if self._open is None:
            table = pa.Table.from_pandas(frame, preserve_index=False)
            self._open = parquet.ParquetWriter(self._part, table.schema)
        else:
            try:
                table = pa.Table.from_pandas(frame, self._open.schema, preserve_index=False)
            except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
                why = f"a column has another type than in the rows before ({one_line(error)})"
                raise DataError(f"{why}: name a .csv with -o") from error
        self._open.write_table(table)


def flat(frame: Any) -> Any:
    """Return the frame with lists as JSON, for a file of texts."""
    lists = [name for name in frame if len(frame) and isinstance(frame[name].iloc[0], list | tuple | dict)]
    return frame.assign(**{name: frame[name].map(lambda cell: json.dumps(_plain(cell))) for name in lists})


def _plain(cell: Any) -> Any:
    """Return a cell's content with NumPy's numbers as Python's."""
    if isinstance(cell, dict):
        return {str(key): _plain(value) for key, value in cell.items()}
    if isinstance(cell, list | tuple):
        return [_plain(value) for value in cell]
    return cell.item() if hasattr(cell, "item") else cell
