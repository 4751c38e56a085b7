"""Reads files that may be written to meanwhile: no further than they reached, and refused if they have changed."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class FileChanged(ValueError):
    """Error: a file was written to, or replaced, while it was read."""


class Limited(io.RawIOBase):
    """The first ``num_bytes`` of a file. With ``rule`` what is longer raises ValueError, else it ends there."""

    def __init__(self, file: Any, num_bytes: int, rule: str = "") -> None:
        super().__init__()
        self._file, self._left, self._rule = file, num_bytes, rule

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read some bytes into ``buffer``; return how many, 0 at the end."""
        if self._left == 0 and self._rule and self._file.read(1):
            raise ValueError(self._rule)
        found = self._file.read(min(len(buffer), self._left))
        buffer[: len(found)] = found
        self._left -= len(found)
        return len(found)


def limited(file: Any, num_bytes: int, rule: str = "") -> io.BufferedReader:
    """Return a buffered reader of the first ``num_bytes`` of ``file``, as ``Limited`` reads them."""
    return io.BufferedReader(Limited(file, num_bytes, rule), io.DEFAULT_BUFFER_SIZE * 16)


@contextmanager
def unchanged(paths: Sequence[Path]) -> Iterator[None]:
    """Raise FileChanged after the block, also in place of its error, if a file was written to or replaced.

    A file that grows ends within a row, which may look like a fault or like another number.
    """
    before = [_state(path) for path in paths]
    try:
        yield
    finally:
        changed = [path.name for path, state in zip(paths, before, strict=True) if _state(path) != state]
        if changed:
            more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
            raise FileChanged(f"{changed[0]}{more} has changed while it was read: name a copy that is complete")


def _state(path: Path) -> tuple[int, int, int] | None:
    """Return what changes when the file does; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino
