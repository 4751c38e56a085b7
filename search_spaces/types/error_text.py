"""Makes one line of an error, for people."""

from __future__ import annotations

from collections.abc import Iterator

from search_spaces.types.passwords import masked

_MAX_CHARACTERS = 300
_MOST_LINES, _MOST_COLUMNS = 100, 2000


def first_line(error: BaseException) -> str:
    """Return the first line of the message that is not blank, with passwords masked; else the error's type."""
    return _cut(next(_lines(str(error)), type(error).__name__))


def one_line(error: BaseException) -> str:
    """Return the whole message on one line, with passwords masked; with the error's type where it says little."""
    text = " ".join(str(error).split())
    return _cut(text if len(text) > 3 else f"{type(error).__name__}: {text}".removesuffix(": "))


def last_line(text: object) -> str:
    """Return the last line of a traceback, or of an error with one: type and message of the original error."""
    return _cut(next(_lines(str(text), from_end=True), "no reason given"))


def bounded(text: str) -> str:
    """Return the text with its first and last ``_MOST_LINES`` lines, each cut; between them the number left out.

    A text that is within these bounds is returned as it is.
    """
    whole = text.splitlines()
    if len(whole) <= 2 * _MOST_LINES and all(len(line) <= _MOST_COLUMNS for line in whole):
        return text
    lines = [line if len(line) <= _MOST_COLUMNS else f"{line[:_MOST_COLUMNS]}…" for line in whole]
    left_out = len(lines) - 2 * _MOST_LINES
    if left_out > 0:
        lines[_MOST_LINES:-_MOST_LINES] = [f"[{left_out} lines left out]"]
    return "\n".join(lines)


def _lines(text: str, from_end: bool = False) -> Iterator[str]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return iter(lines[::-1] if from_end else lines)


def _cut(line: str) -> str:
    line = masked(line)
    return line if len(line) <= _MAX_CHARACTERS else f"{line[: _MAX_CHARACTERS - 1]}…"
