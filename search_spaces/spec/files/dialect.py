"""The form of a CSV file: encoding, separator, quotes, lines before the header, columns."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from search_spaces.spec.files.compressed import opened

csv.field_size_limit(2**31 - 1)  # characters of a cell, for the whole process; by default 131,072

FORM = ("separator", "decimal", "thousands", "encoding", "quote", "comment", "skip_rows")
"""Keys of a spec's ``data`` that say how a CSV file is written."""
QUOTED = ', as a quote holds several lines: close it, or say quote: "" if quotes stand for themselves'
NUM_RAGGED = 5
"""Number of ragged rows that are listed."""


@dataclass(frozen=True)
class Dialect:
    """How one CSV file is written."""

    encoding: str = "utf-8"
    separator: str = ","
    quote: str = '"'
    """Empty where no cell is quoted."""
    comment: str = ""
    """Lines that begin with it are no rows."""
    skip_rows: int = 0
    """Lines before the header, or the first row."""
    header: bool = True
    """Whether the first row names the columns."""
    columns: tuple[str, ...] = ()
    ends_with_separator: bool = False
    """Whether each row has one more cell, an empty one, than there are columns."""

    def rows(self, lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
        """Yield the rows that are not blank, each with the number of its first line, counted from 1."""
        read = csv.reader(
            self._without_comments(islice(lines, self.skip_rows, None)),
            delimiter=self.separator,
            quotechar=self.quote or None,
            quoting=csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE,
            skipinitialspace=True,
        )
        before = 0
        for row in read:
            if row:
                yield self.skip_rows + before + 1, row
            before = read.line_num

    def ragged(self, lines: Iterable[str]) -> str | None:
        """Return a line, and a sentence on the rows with fewer or more cells than columns; None without any."""
        width, spare = len(self.columns), self.ends_with_separator
        rows = islice(self.rows(lines), 1 if self.header else 0, None)
        wrong = ((line, row) for line, row in rows if len(row) != width + spare or (spare and row[-1].strip()))
        if not (ragged := list(islice(wrong, NUM_RAGGED))):
            return None
        found = [(line, len(row)) for line, row in ragged]
        torn = any("\n" in cell or "\r" in cell for cell in ragged[0][1])
        (line, first), *others = found
        more = f" (as well lines {', '.join(f'{line} with {num}' for line, num in others)})" if others else ""
        alike = len(others) == NUM_RAGGED - 1 and {num for _, num in found} == {first}
        title = f": say skip_rows: {self.skip_rows + 1} if the first line is none of the table" if alike else ""
        hint = f"{title}{QUOTED if torn else ''}"
        return f"{line}: a row must have {width} cells as the first one has, received {first}{more}{hint}"

    def _without_comments(self, lines: Iterable[str]) -> Iterator[str]:
        inside = False  # quotes
        for line in lines:
            if self.comment and not inside and line.startswith(self.comment):
                yield "\n"
                continue
            inside ^= bool(self.quote) and line.count(self.quote) % 2 == 1
            yield line

    def told(self) -> dict[str, int | str]:
        """What is not as in most files, by the key of the spec that says it."""
        usual, keys = Dialect(), ("encoding", "separator", "quote", "comment", "skip_rows")
        return {key: getattr(self, key) for key in keys if getattr(self, key) != getattr(usual, key)}


def read_with(name: str, facts: Mapping[str, int | str]) -> str | None:
    """Return a sentence on the form in which a file is read; None where that is as in most files."""
    form = {key: value for key, value in facts.items() if key in FORM}
    told = ", ".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in form.items())
    return f"{name} is read with {told}" if form else None


@contextmanager
def opened_text(path: Path, dialect: Dialect) -> Iterator[io.TextIOWrapper]:
    """Open a file to read its lines, with their ends. Reading raises ValueError where the bytes are no text."""
    with opened(path) as file, io.TextIOWrapper(file, text_encoding(dialect), newline="") as text:
        yield text


def text_encoding(dialect: Dialect) -> str:
    """Return the encoding by which Python reads the file without a byte order mark."""
    return "utf-8-sig" if dialect.encoding == "utf-8" else dialect.encoding
