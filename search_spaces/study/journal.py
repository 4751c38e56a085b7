"""Optuna's journal file, written in batches and mended when its tail is torn.

Optuna appends and syncs every operation by itself (about ten a trial). A sweep has one writer, its driver, and
one moment at which things must be on disk: before the next leg is handed out. So operations gather in memory
until ``flush``.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from optuna.storages.journal import BaseJournalBackend, JournalFileBackend

from search_spaces.types.driver_errors import Fenced


class BatchedJournal(BaseJournalBackend):
    """A journal backend for one writing process: reads its own writes at once, syncs them on ``flush``."""

    def __init__(self, path: Path) -> None:
        self._path, self._file = path, JournalFileBackend(str(path))
        self._size = path.stat().st_size
        self._logs: list[dict[str, Any]] = list(self._file.read_logs(0))
        self._unsynced: list[dict[str, Any]] = []

    def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
        """Everything from that number on, synced or not."""
        return self._logs[log_number_from:]

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Kept in memory until ``flush``, as they are now: Optuna goes on to change what it has appended."""
        self._logs += logs
        self._unsynced += copy.deepcopy(logs)

    def flush(self) -> None:
        """Appends and syncs what has gathered, in one write. Fenced when another process has written meanwhile."""
        if not self._unsynced:
            return
        if self._path.stat().st_size != self._size:
            raise Fenced(f"{self._path} was written by another driver of this sweep: this one ends")
        self._file.append_logs(self._unsynced)
        self._unsynced, self._size = [], self._path.stat().st_size


def mend(path: Path) -> int:
    """Cuts a torn tail: everything behind the last line that is whole JSON. Returns the number of bytes cut.

    A process killed in the middle of an append leaves half a line, and one more append behind it would make
    the journal unreadable for good. It also leaves Optuna's lock, which others would wait 30 s for. Only the
    sweep's one writer may call this.
    """
    if not path.exists():
        return 0
    for lock in path.parent.glob(path.name + ".lock*"):
        lock.unlink(missing_ok=True)
    content = path.read_bytes()
    whole = 0
    for line in content.splitlines(keepends=True):
        if not line.endswith(b"\n") or not _is_record(line):
            break
        whole += len(line)
    if whole < len(content):
        with path.open("r+b") as file:
            file.truncate(whole)
    return len(content) - whole


def _is_record(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False
