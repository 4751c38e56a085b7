"""Optuna's journal file, written in batches and repaired when its last line is torn.

Optuna itself writes and syncs each operation, about ten for a trial. A sweep has one writer, its driver, and its
operations must be on disk only before the next leg starts. So they are kept in memory until ``flush``.
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
    """Journal backend for one writing process: it reads its own writes at once and syncs them in ``flush``."""

    def __init__(self, path: Path) -> None:
        self._path, self._file = path, JournalFileBackend(str(path))
        self._size = path.stat().st_size
        self._logs: list[dict[str, Any]] = list(self._file.read_logs(0))
        self._unsynced: list[dict[str, Any]] = []

    def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
        """Return all operations from that number on, synced or not."""
        return self._logs[log_number_from:]

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Keep operations in memory until ``flush``, as copies: Optuna changes them afterwards."""
        self._logs += logs
        self._unsynced += copy.deepcopy(logs)

    def flush(self) -> None:
        """Append and sync the operations in one write. Raises Fenced where another process has written since."""
        if not self._unsynced:
            return
        if self._path.stat().st_size != self._size:
            raise Fenced(f"{self._path} was written by another driver of this sweep: this one ends")
        self._file.append_logs(self._unsynced)
        self._unsynced, self._size = [], self._path.stat().st_size


def mend(path: Path) -> int:
    """Cut off everything after the first lines that are whole JSON objects; return the number of bytes cut.

    A process killed during a write leaves half a line, and another append after it would make the journal
    unreadable. It also leaves Optuna's lock, for which others would wait 30 s; it is removed. Only the sweep's
    writer may call this.
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
