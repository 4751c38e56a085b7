"""The standard streams of a process: Python's objects, and the files behind them."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from functools import cache
from typing import Any, NamedTuple

NAMES = ("stdin", "stdout", "stderr")


class Duplicate:
    """An open file of this process's under a number of its own, closed with the object."""

    def __init__(self, number: int) -> None:
        self.number = os.dup(number)
        found = os.fstat(number)
        self.identity = found.st_dev, found.st_ino

    def __del__(self) -> None:
        os.close(self.number)


class Streams(NamedTuple):
    """Python's three streams, and those of the three files that are not the ones the process had first."""

    objects: tuple[Any, ...]
    others: tuple[Duplicate | None, ...]

    @classmethod
    def now(cls) -> Streams:
        """Return the present streams."""
        first = _first()
        others = tuple(
            None if kept is None or _identity(number) in (kept.identity, None) else Duplicate(number)
            for number, kept in enumerate(first)
        )
        return cls(tuple(getattr(sys, name) for name in NAMES), others)

    def put_back(self) -> None:
        """Make these the process's streams again. One that was closed is opened anew."""
        for number, (kept, other) in enumerate(zip(_first(), self.others, strict=True)):
            wanted = other or kept
            if wanted is not None and _identity(number) != wanted.identity:
                os.dup2(wanted.number, number)
        for number, (name, stream) in enumerate(zip(NAMES, self.objects, strict=True)):
            closed = getattr(stream, "closed", False) and _identity(number) is not None
            setattr(sys, name, _opened(number) if closed else stream)


@cache
def _first() -> tuple[Duplicate | None, ...]:
    """Duplicates of the files that this process had at the first call; None for one that was closed."""
    return tuple(None if _identity(number) is None else Duplicate(number) for number in range(len(NAMES)))


def _identity(number: int) -> tuple[int, int] | None:
    with suppress(OSError):
        found = os.fstat(number)
        return found.st_dev, found.st_ino
    return None


def _opened(number: int) -> Any:
    if number == 0:
        return open(number, encoding="utf-8", closefd=False)
    return open(number, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False)
