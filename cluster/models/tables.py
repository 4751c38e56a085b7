"""Reads a table's file in parts of some thousand rows, as the training's file was read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from search_spaces.spec.files.dialect import Dialect
from search_spaces.types.error_text import one_line
from workloads.arrays import DataError

if TYPE_CHECKING:
    from search_spaces.spec.data import Data
    from workloads.tables.number_words import Styles

ROWS_AT_ONCE: Final = 50_000
ANEW: Final = "keys are the sweep file's; for predictions write it anew in UTF-8 with commas, or as .parquet"
BUFFER_BYTES: Final = 2**20
HEAD_BYTES: Final = 2**20
"""Bytes in which the encoding of a file with a single column is looked for."""
NO_SEPARATOR: Final = "\x1f"
"""ASCII's unit separator, which stands in no text."""
KEYS: Final[Mapping[str, str]] = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".feather": "feather",
    ".arrow": "feather",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".xlsx": "xlsx",
}
"""Key of the spec for files with this ending; others are CSV."""
SOURCES: Final = (
    "name",
    "csv",
    "parquet",
    "xlsx",
    "jsonl",
    "feather",
    "folder",
    "text",
    "series",
    "documents",
    "conll",
)


@dataclass
class TableRows:
    """The rows of a file, as DataFrames whose index counts the rows as the file does: a header is row 1."""

    path: Path
    data: Data
    """The sweep's: how its file was written, where this one is of the same kind."""
    kinds: Mapping[str, str]
    """Kind of each column that the model takes."""
    needed: Sequence[str] = ()
    """Those that must be there. Where it is one, the file may have a single column, which no separator shows."""
    lists: str | None = None
    """The column of lists, such as of a sentence's words; None where cells are words and numbers alone."""
    notes: list[str] = field(default_factory=list)
    """What is odd about the file, as far as it is read."""

    def parts(self) -> Iterator[Any]:
        """Yield the rows in order. Raises DataError where the file cannot be read."""
        from workloads.data.sources.tabular.parquet_file import UNREADABLE  # 20 ms

        try:
            yield from self._parts()
        except DataError:
            raise
        except FileNotFoundError as error:
            raise DataError(f"there is no file {self.path}") from error
        except UNREADABLE as error:
            said = one_line(error)
            way_out = f"; {ANEW}" if "say " in said else ""
            raise DataError(f"{self.path} cannot be read: {said}{way_out}") from error

    @property
    def key(self) -> str:
        """The spec's key for a file of this kind."""
        return KEYS.get(self.path.suffix.lower(), "csv")

    @property
    def known(self) -> Data:
        """How the file is read: words stay words; options are those of the sweep's file if it is of one kind."""
        update: dict[str, Any] = dict.fromkeys(SOURCES) | {self.key: str(self.path), "also": [], "val": None}
        update |= {"test": None, "columns": {**self.kinds, **self.data.columns}}
        update["image"] = self.lists  # which is left as it is
        if getattr(self.data, self.key) is None:
            update |= dict.fromkeys(("separator", "decimal", "thousands", "quote", "comment", "skip_rows", "sheet"))
        return self.data.model_copy(update=update)

    def _parts(self) -> Iterator[Any]:
        if self.key == "parquet":
            yield from self._parquet()
        elif self.key == "csv":
            yield from self._csv()
        else:
            yield self._whole()

    def _whole(self) -> Any:
        from workloads.data.sources.tables import read_file  # 100 ms: pandas

        found = read_file(str(self.path), self.known)
        self.notes += found.notes
        return _counted(found.frame, 2 if self.key == "xlsx" else 1)

    def _parquet(self) -> Iterator[Any]:
        import pyarrow as pa
        from pyarrow import parquet

        from workloads.data.sources.tabular.arrow_frame import typed_file  # 100 ms: pandas

        styles: Styles = {}
        first = 1
        whole = parquet.ParquetFile(self.path, buffer_size=BUFFER_BYTES)  # else it reads whole row groups
        for batch in whole.iter_batches(ROWS_AT_ONCE):
            found = typed_file(pa.Table.from_batches([batch]), self.known, styles)
            styles = {**found.styles, **styles}
            self._note(found.notes)
            yield _counted(found.frame, first)
            first += len(found.frame)

    def _csv(self) -> Iterator[Any]:
        import pandas as pd

        from workloads.data.sources.tabular.arrow_frame import to_series  # 100 ms: pandas
        from workloads.data.sources.tabular.csv_cells import batches  # 100 ms: pandas
        from workloads.data.sources.tabular.csv_file import typed_columns  # 100 ms: pandas
        from workloads.tables.number_words import Evidence  # 100 ms: pandas

        dialect = self._dialect()
        styles: Styles = {}
        first = 1 + dialect.header
        for cells in batches(self.path, dialect):
            texts = dict(zip(cells.column_names, cells.columns, strict=True))
            evidence = Evidence(known=styles, dots_are_decimal=dialect.separator != ";")
            typed = typed_columns(texts, self.known, evidence)
            styles = {**typed.styles, **styles}
            self._note(typed.notes)
            frame = pd.DataFrame({name: to_series(typed.columns[name]) for name in cells.column_names}, copy=False)
            yield _counted(frame, first)
            first += len(frame)

    def _dialect(self) -> Dialect:
        """Return how the CSV file is written; of a single column a separator that no text has."""
        from search_spaces.spec.files.compressed import opened  # 5 ms
        from search_spaces.spec.files.encodings import certain_encoding  # 5 ms
        from search_spaces.spec.files.find_dialect import find_dialect  # 20 ms

        if len(self.needed) == 1:
            with opened(self.path) as file:
                head = file.read(HEAD_BYTES)
            encoding = certain_encoding(head, len(head) < HEAD_BYTES) or "utf-8"
            title = head.decode(encoding, "replace").removeprefix("\ufeff").partition("\n")[0].strip().strip('"')
            if title == self.needed[0]:
                return Dialect(encoding, separator=NO_SEPARATOR, columns=(title,))
            if "," not in title:
                try:
                    return find_dialect(self.path, self.known)
                except ValueError as error:
                    raise DataError(
                        f"{self.path.name} must have the column {self.needed[0]!r}, its first line is {title!r}"
                    ) from error
        return find_dialect(self.path, self.known)

    def _note(self, notes: tuple[str, ...]) -> None:
        self.notes += [note for note in notes if note not in self.notes]


def _counted(frame: Any, first: int) -> Any:
    """Return the frame with its rows numbered from ``first`` on."""
    import pandas as pd

    frame.index = pd.RangeIndex(first, first + len(frame))
    return frame
