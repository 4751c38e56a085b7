"""Holds the last lines of a file in memory, so that they outlast whatever happens to the file."""

from __future__ import annotations

from collections import deque
from typing import Final

RECENT_BYTES: Final = 16 << 20


class RecentLines:
    """Lines from byte ``begin`` to byte ``end`` of a file that only grows: the last ``RECENT_BYTES``, or one."""

    def __init__(self) -> None:
        self.begin = self.end = 0
        self._lines: deque[bytes] = deque()

    def add(self, line: bytes) -> None:
        """Take the line that follows; the oldest ones are forgotten."""
        self._lines.append(line)
        self.end += len(line)
        while self.end - self.begin > RECENT_BYTES and len(self._lines) > 1:
            self.begin += len(self._lines.popleft())

    def since(self, place: int) -> list[bytes]:
        """Return the lines behind byte ``place``, an end of a line that is not before ``begin``."""
        found: list[bytes] = []
        start = self.end
        for line in reversed(self._lines):
            if start <= place:
                break
            found.append(line)
            start -= len(line)
        return found[::-1]
