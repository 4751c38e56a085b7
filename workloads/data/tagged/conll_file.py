"""Reads CoNLL files: a word a line with its columns, an empty line between sentences."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from search_spaces.spec.files.compressed import opened
from search_spaces.spec.files.encodings import TEXT_ENCODING, EncodingFault, decoded
from search_spaces.spec.files.steady import FileChanged, unchanged
from workloads.arrays import DataError

if TYPE_CHECKING:
    from search_spaces.spec.data import Data

DOCSTART = "-DOCSTART-"
"""Word of the lines at which a document begins; such a line is no part of a sentence."""
MAX_WORDS = 5_000
"""Words of the longest sentence: in a longer one the empty lines between sentences are missing."""
SHOWN = 40
"""Characters of a line at fault that are shown."""


@dataclass(frozen=True)
class Sentence:
    """Words with their labels, the line of each in its file (from 1), and the number of the document."""

    words: tuple[str, ...]
    labels: tuple[str, ...]
    lines: tuple[int, ...]
    document: int

    @cached_property
    def text(self) -> str:
        """The words, which hold no white space, with a blank between them."""
        return joined(self.words)


def joined(words: Sequence[str]) -> str:
    """Return words as one text, which ``words_in`` divides again: white space in a word becomes ``_``."""
    return " ".join(re.sub(r"\s+", "_", unicodedata.normalize("NFC", word)) or "_" for word in words)


def words_in(text: str) -> list[str]:
    """Return the words of a text that ``joined`` made; none of an empty one."""
    return text.split(" ") if text else []


def read_conll(path: str, data: Data) -> list[Sentence]:
    """Return the sentences of a file in order, by the columns that ``data`` names.

    Raises DataError with the file and the line for one that is no text in the encoding, has other columns than the
    first, no word or no label, and for sentences that are too long, or none.
    """
    name = Path(path).name
    try:
        with unchanged([Path(path)]), opened(Path(path)) as file:
            text = decoded(file.read(), data.encoding or TEXT_ENCODING)
    except EncodingFault as fault:
        raise DataError(f"{name}:{fault.line}: {fault}; data.encoding: {fault.likely}?") from fault
    except FileChanged as error:
        raise DataError(str(error)) from error
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    lines = re.split(r"\r\n|\r|\n", text)
    found = list(_sentences(_Rows(name, lines, data), lines, data))
    if not found:
        raise DataError(f"{name} holds no sentence: a word a line with its label, an empty line between sentences")
    return found


class _Rows:
    """Divides lines into columns, of which all lines have as many as the first."""

    def __init__(self, name: str, lines: Sequence[str], data: Data) -> None:
        self.name = name
        first = next((k for k, line in enumerate(lines) if line.strip() and not _is_left_out(line, data)), None)
        self.tabs = first is not None and "\t" in lines[first]
        self.first = 0 if first is None else first + 1
        self.width = 0 if first is None else len(self.cells(lines[first]))
        self.word, self.label = self._place(data.texts[0] if data.texts else "c0"), self._place(data.target)
        if self.width and self.word == self.label:
            rule = "must have a column of words and one of labels, between blanks or tabs"
            raise DataError(f"{name}:{self.first}: {rule}, received {_shown(lines[self.first - 1])}")

    def cells(self, line: str) -> list[str]:
        """Return the columns of a line: between tabs where the first line has some, else between blanks."""
        return re.split(r" *\t *" if self.tabs else r"[ \t]+", line.strip(" \t"))

    def _place(self, column: str | None) -> int:
        place = self.width - 1 if column is None else int(column.removeprefix("c"))
        if self.width and place >= self.width:
            raise DataError(f"{self.name} has no column {column!r}; its columns are c0 to c{self.width - 1}")
        return place

    def read(self, line: str, number: int) -> tuple[str, str]:
        """Return word and label of line ``number``."""
        cells = self.cells(line)
        if len(cells) != self.width:
            rule = f"must have {self.width} columns, as line {self.first} has"
            raise DataError(f"{self.name}:{number}: {rule}, received {len(cells)}: {_shown(line)}")
        if not cells[self.word] or not cells[self.label]:
            raise DataError(f"{self.name}:{number}: must have a word and a label, received {_shown(line)}")
        return cells[self.word], cells[self.label]


def _sentences(rows: _Rows, lines: Sequence[str], data: Data) -> Iterator[Sentence]:
    document, held = 0, list[tuple[str, str, int]]()
    for number, line in enumerate([*lines, ""], 1):
        if _is_comment(line, data):
            continue
        if line.strip() and not _begins_document(line):
            held.append((*rows.read(line, number), number))
            if len(held) > MAX_WORDS:
                what = f"begins a sentence of more than {MAX_WORDS} words"
                raise DataError(f"{rows.name}:{held[0][2]}: {what}: an empty line must follow each sentence")
            continue
        if held:
            words, labels, places = zip(*held, strict=True)
            yield Sentence(words, labels, places, document)
            held = []
        document += _begins_document(line)


def _is_comment(line: str, data: Data) -> bool:
    return bool(data.comment) and line.startswith(str(data.comment))


def _begins_document(line: str) -> bool:
    return line.split(maxsplit=1)[:1] == [DOCSTART]


def _is_left_out(line: str, data: Data) -> bool:
    return _is_comment(line, data) or _begins_document(line)


def _shown(line: str) -> str:
    return repr(line if len(line) <= SHOWN else line[: SHOWN - 1] + "…")
