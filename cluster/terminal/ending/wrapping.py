"""Wraps long lines between words, where a terminal would break them within one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

WORD: Final = re.compile(r"\[[^\]\s]+, [^\]\s]+\]\s*|\S+\s*")
"""A word, or an interval, with the blanks behind it."""
INDENT: Final = 2
"""Further columns of indent of what follows a line's first part."""


def wrapped(line: Text, console: Console) -> list[Text]:
    """Return a line in parts that fit the terminal, broken between words; whole where no terminal shows it.

    A word that is wider than the terminal, as a link, stays whole, to be copied. A text of several lines, as a
    traceback, is not changed.
    """
    if not console.is_terminal or line.cell_len <= console.width or "\n" in line.plain:
        return [line]
    indent = " " * (len(line.plain) - len(line.plain.lstrip()) + INDENT)
    first, *others = line.divide(_breaks(line.plain, console.width, len(indent)))
    parts = [first, *(Text(indent).append_text(other) for other in others)]
    for part in parts:
        part.rstrip()
    return parts


def _breaks(plain: str, width: int, indent: int) -> Iterator[int]:
    """Yield the places of the words that begin a further part, which is shown behind ``indent`` blanks."""
    used = 0
    for word in WORD.finditer(plain):
        size = cell_len(word.group().rstrip())
        if used and used + size > width >= indent + size:
            yield word.start()
            used = indent
        used += cell_len(word.group()) if used else cell_len(plain[: word.end()])
