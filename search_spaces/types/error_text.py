"""What an error says, in one line for people."""

from __future__ import annotations

from collections.abc import Iterator

from search_spaces.types.passwords import masked

_MAX_CHARACTERS = 300


def first_line(error: BaseException) -> str:
    """The first line that says something, without passwords; the error's type where it says nothing."""
    return _cut(next(_lines(str(error)), type(error).__name__))


def last_line(text: object) -> str:
    """The last line of a traceback or of an error with one: what was raised."""
    return _cut(next(_lines(str(text), from_end=True), "no reason given"))


def _lines(text: str, from_end: bool = False) -> Iterator[str]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return iter(lines[::-1] if from_end else lines)


def _cut(line: str) -> str:
    line = masked(line)
    return line if len(line) <= _MAX_CHARACTERS else f"{line[: _MAX_CHARACTERS - 1]}…"
