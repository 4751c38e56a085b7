"""Rewrites CSV text of a form that Arrow does not know as plain CSV, while it is read."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from search_spaces.spec.files.find_dialect import HEAD_LINES

if TYPE_CHECKING:
    from search_spaces.spec.files.dialect import Dialect

ROWS_AT_ONCE = 1024


def must_be_rewritten(lines: Iterable[str], dialect: Dialect) -> bool:
    """Return whether there is what Arrow does not know: comments, blanks as separators or before quotes."""
    if dialect.comment or dialect.separator == " ":
        return True
    before = re.compile(rf"(^|{re.escape(dialect.separator)}) +{re.escape(dialect.quote)}")
    first = islice(lines, HEAD_LINES)
    return bool(dialect.quote) and any(dialect.quote in line and before.search(line) for line in first)


def plain_form(dialect: Dialect) -> Dialect:
    """Return the form that text of ``dialect`` is rewritten in."""
    return replace(dialect, encoding="utf-8", separator=",", quote='"', comment="", skip_rows=0)


def rewritten(lines: Iterable[str], dialect: Dialect) -> io.BufferedReader:
    """Return a file of the same rows in ``plain_form(dialect)``, in UTF-8."""
    return io.BufferedReader(_Rows(lines, dialect))


class _Rows(io.RawIOBase):
    def __init__(self, lines: Iterable[str], dialect: Dialect) -> None:
        super().__init__()
        self._rows = dialect.rows(lines)
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._left and (rows := [row for _, row in islice(self._rows, ROWS_AT_ONCE)]):
            text = io.StringIO(newline="")
            csv.writer(text).writerows(rows)
            self._left = memoryview(text.getvalue().encode())
        target = memoryview(buffer)
        num_bytes = min(len(target), len(self._left))
        target[:num_bytes], self._left = self._left[:num_bytes], self._left[num_bytes:]
        return num_bytes
