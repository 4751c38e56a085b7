"""Keeps the writer's events on disk as lines of JSON, and how many bytes of them have been sent."""

from __future__ import annotations

import errno
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracking.writer.events import Event, UnknownEvent, from_json, to_json


@dataclass(frozen=True)
class Unknown:
    """A line that this version cannot read as an event, with the reason."""

    record: Any
    reason: str


@dataclass(frozen=True)
class SpoolEntry:
    """One line of the spool: its event (None where a crash tore the line) and its end, in bytes from the start."""

    event: Event | Unknown | None
    end: int


class Spool:
    """A folder with ``events.jsonl`` (append only), ``sent`` (bytes acknowledged) and ``refused.jsonl``.

    An event survives the death of the process once ``append`` has returned (not that of the machine: there is no
    fsync). Only one process at a time may open a spool.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._events = folder / "events.jsonl"
        self._lock = threading.Lock()
        self._out = os.open(self._events, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        self._ack = os.open(folder / "sent", os.O_RDWR | os.O_CREAT, 0o644)
        self.size = os.fstat(self._out).st_size
        self._close_torn_line()
        self.sent = min(int(os.pread(self._ack, 32, 0).strip() or b"0"), self.size)

    def _close_torn_line(self) -> None:
        if self.size and os.pread(self._out, 1, self.size - 1) != b"\n":
            self.size += os.write(self._out, b"\n")

    def append(self, event: Event) -> None:
        """Write ``event`` to disk, in about 20 microseconds. Raises OSError when the disk is full."""
        line = json.dumps(to_json(event), separators=(",", ":")).encode() + b"\n"
        with self._lock:
            written = os.write(self._out, line)
            if written != len(line):
                os.ftruncate(self._out, self.size)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._events))
            self.size += written

    def waiting(self, limit: int = 1 << 21) -> list[SpoolEntry]:
        """Return the entries not yet acknowledged, in order, up to about ``limit`` bytes, but at least one."""
        return list(self._entries(self.sent, limit))

    def all(self) -> Iterator[SpoolEntry]:
        """Return all entries from the beginning, sent or not."""
        return self._entries(0, None)

    def _entries(self, start: int, limit: int | None) -> Iterator[SpoolEntry]:
        end = start
        with self._events.open("rb") as lines:
            lines.seek(start)
            for line in lines:
                if not line.endswith(b"\n") or (limit is not None and end - start >= limit):
                    return
                end += len(line)
                yield SpoolEntry(_parse(line), end)

    def acknowledge(self, end: int) -> None:
        """Record that all entries before byte ``end`` are done."""
        os.pwrite(self._ack, b"%020d\n" % end, 0)
        self.sent = end

    def refuse(self, event: Event | Unknown, reason: str) -> None:
        """Write an event that can never be sent to ``refused.jsonl``, with the reason."""
        record = event.record if isinstance(event, Unknown) else to_json(event)
        with (self.folder / "refused.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps({"reason": reason, "event": record}) + "\n")

    def refused(self) -> set[str]:
        """Return the keys of all events that were refused."""
        path = self.folder / "refused.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        records = [json.loads(line)["event"] for line in lines]
        return {record.get("key", "") for record in records if isinstance(record, dict)}

    def close(self) -> None:
        """Close the files; nothing may be appended afterwards."""
        os.close(self._out)
        os.close(self._ack)


def _parse(line: bytes) -> Event | Unknown | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    try:
        return from_json(record)
    except UnknownEvent as error:
        return Unknown(record, str(error))
