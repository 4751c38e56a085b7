"""Writes one table in the forms of CSV that spreadsheets and programs of many countries write."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd


def table(num_rows: int = 40) -> pd.DataFrame:
    """Return numbers with fractions, whole numbers, words beyond ASCII with separators in them, and a class."""
    rows = range(num_rows)
    words = ["Köln, am Rhein", "São Paulo", 'the "Œuvre"', "plain; or not", "two\nlines"]
    return pd.DataFrame(
        {
            "größe": [k / 4 - 3 for k in rows],
            "price": [1000.5 + 1234567 * k for k in rows],
            "num": list(rows),
            "word": [words[k % len(words)] for k in rows],
            "kind": [("None", "ja")[k % 2] for k in rows],
        }
    )


@dataclass(frozen=True)
class Form:
    """One way to write the table, and what a spec must say of it (nothing, where it is certain)."""

    separator: str = ","
    decimal: str = "."
    thousands: str = ""
    encoding: str = "utf-8"
    quote: str = '"'
    before: str = ""
    """Lines before the header."""
    line_end: str = "\n"
    after_row: str = ""
    """What stands at the end of each row, the header's as well."""
    after_separator: str = ""
    header: bool = True
    pack: Callable[[bytes], bytes] = bytes
    said: Mapping[str, Any] = field(default_factory=dict)

    def write(self, frame: pd.DataFrame) -> bytes:
        """Return the file's bytes."""
        rows = [[self._cell(value) for value in row] for row in frame.itertuples(index=False)]
        lines = [[self._cell(name) for name in frame.columns], *rows] if self.header else rows
        between = self.separator + self.after_separator
        text = self.before + "".join(between.join(row) + self.after_row + self.line_end for row in lines)
        return self.pack(text.encode(self.encoding))

    def _cell(self, value: Any) -> str:
        if isinstance(value, float | int):
            text = f"{value:,}" if self.thousands else str(value)
            text = text.replace(",", "\0").replace(".", self.decimal).replace("\0", self.thousands)
        else:
            text = str(value)
        if not any(mark in text for mark in (self.separator, self.quote, "\n", " ")):
            return text
        return self.quote + text.replace(self.quote, 2 * self.quote) + self.quote


def _zip(raw: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a/table.csv", raw)
    return packed.getvalue()


def _zstd(raw: bytes) -> bytes:
    import pyarrow as pa

    packed: bytes = pa.compress(raw, "zstd", asbytes=True)
    return packed


FORMS = {
    "usual": Form(),
    "semicolons": Form(";"),
    "tabs": Form("\t"),
    "bars": Form("|"),
    "German Excel": Form(";", ",", ".", "cp1252", line_end="\r\n"),
    "French": Form(";", ",", "\u202f"),
    "French, blanks": Form(";", ",", " "),
    "Swiss": Form(";", ".", "'"),
    "American, thousands": Form(",", ".", ","),
    "decimal commas in quotes": Form(",", ","),
    "byte order mark": Form(encoding="utf-8-sig"),
    "Excel's Unicode text": Form("\t", encoding="utf-16", line_end="\r\n"),
    "UTF-16 without a mark": Form(encoding="utf-16-le", before="# ascii " * 99 + "\n"),
    "cp1252": Form(encoding="cp1252"),
    "latin-2, said": Form(";", encoding="iso8859-2", said={"encoding": "iso8859-2"}),
    "single quotes": Form(quote="'"),
    "comments": Form(before="# made by a program\n# on a day, and later\n"),
    "comments, said": Form(before="% made\n", said={"comment": "%"}),
    "a title": Form(before="Sales of the year\n\n"),
    "a title, said": Form(before="Sales, of, the, year, 1984\n", said={"skip_rows": 1}),
    "a separator at the end": Form(after_row=","),
    "blanks after separators": Form(after_separator=" "),
    "separated by blanks, said": Form(" ", said={"separator": " "}),
    "no header": Form(";", header=False, said={"header": False}),
    "old Macintosh": Form(line_end="\r"),
    "gzip": Form(pack=gzip.compress),
    "bzip2": Form(pack=bz2.compress),
    "xz": Form(pack=lzma.compress),
    "zip": Form(";", pack=_zip),
    "zstd": Form(pack=_zstd),
}
