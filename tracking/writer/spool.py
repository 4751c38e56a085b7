"""Keeps the writer's events on disk as sealed lines of JSON, and how many bytes of them have been sent."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import threading
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search_spaces.types.files.private_files import OWN_FILE, OWN_FOLDER
from search_spaces.types.files.sealed import line_number, record_of, sealed_line
from tracking.store.errors import Away, Refused
from tracking.writer.events import Event, TextKept, UnknownEvent, from_json, to_json
from tracking.writer.mend import mend
from tracking.writer.recent import RecentLines

SENT = re.compile(rb"(\d{20})(?: ([0-9a-f]{8}))?\n")
BATCH_BYTES = 1 << 21
"""Bytes of lines that are read at once, about."""


@dataclass(frozen=True)
class Unknown:
    """A line that this version cannot read as an event, with the reason."""

    record: Any
    reason: str


@dataclass(frozen=True)
class SpoolEntry:
    """One line of the spool: its event (None where it cannot be read) and its end, in bytes from the start."""

    event: Event | Unknown | None
    end: int


class Spool:
    """A folder with ``events.jsonl`` (append only), ``sent`` (bytes acknowledged), ``refused.jsonl`` and ``lost``.

    An event survives the death of the process once ``append`` has returned (not that of the machine: there is no
    fsync). Only one process at a time may open a spool. ``mended`` says what was wrong with the files when it was
    opened, a sentence each; ``lost`` whether events between others are gone that MLflow may not have: the file of
    that name says so until ``forget_lost``. While it is open the last lines are in memory, too: whatever happens to
    the file, they are sent, and written again.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._events, self._refused = folder / "events.jsonl", folder / "refused.jsonl"
        self._sent, self._lost = folder / "sent", folder / "lost"
        self._lock = threading.Lock()
        self._ack = os.open(self._sent, os.O_RDWR | os.O_CREAT, OWN_FILE)
        self._mend()
        self.lost, self._harmed, self._unwritten = self._lost.exists(), list[str](), ""
        self._open()
        self._recent = RecentLines()
        for line in self._in:
            self._recent.add(line)

    def _open(self) -> None:
        self._out = os.open(self._events, os.O_RDWR | os.O_CREAT | os.O_APPEND, OWN_FILE)
        self._in = self._events.open("rb")  # stays readable where the folder is removed

    @property
    def size(self) -> int:
        """Bytes that were written."""
        return self._recent.end

    def _mend(self) -> None:
        """Make the files whole: what of them cannot be read is left out, and told in ``mended``."""
        content = os.pread(self._ack, 64, 0)
        before = _acknowledged(content)
        events, refused = mend(self._events, before or 0, self._doubt), mend(self._refused)
        self.mended = [found.told for found in (events, refused) if found.told]
        self._num_events, self._num_refused = events.num_lines, refused.num_lines
        size = self._events.stat().st_size if self._events.exists() else 0
        lost = before is None and size > 0 and (content != b"" or events.is_sealed)
        if lost:
            self.mended.append(f"{self.folder / 'sent'} cannot be read: the spool is sent from its beginning again")
        elif (before or 0) > size and not events.told:
            self.mended.append(f"{self._events} ends at byte {size}, and MLflow has acknowledged byte {before}")
        self.repeated_until = size if lost else 0
        if len(self.mended) > events.is_torn:  # a resume sees by itself that a run's end is missing
            self._lost.touch(OWN_FILE)
        self.acknowledge(events.sent)
        os.ftruncate(self._ack, len(_acknowledgement(0)))

    def _doubt(self) -> None:
        """Make ``sent`` unreadable until it is of the mended file: a process may be killed between the two."""
        self._lost.touch(OWN_FILE)
        os.pwrite(self._ack, b"?", 0)

    def append(self, event: Event) -> None:
        """Write ``event`` to disk, in about 20 microseconds. Raises OSError when the disk is full."""
        record = to_json(event)
        with self._lock:
            if (found := os.fstat(self._out).st_size) != self.size:
                self._write_again(f"changed from {self.size} to {found} bytes", found)
            line = sealed_line(record, self._num_events)
            written = os.write(self._out, line)
            if written != len(line):
                os.ftruncate(self._out, self.size)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._events))
            self._recent.add(line)
            self._num_events += 1

    def harmed(self) -> list[str]:
        """Return what has happened to the files since the last call, a sentence each; they are written again now.

        Where that fails it is told once, and tried again with the next call.
        """
        with self._lock:
            try:
                self._restore()
                self._unwritten = ""
            except OSError as error:
                told = f"{self._events} was harmed by something else and cannot be written again: {error}"
                self._harmed += [told] if told != self._unwritten else []
                self._unwritten = told
            told_since, self._harmed = self._harmed, []
        return told_since

    def _restore(self) -> None:
        there = os.fstat(self._out)
        if there.st_size != self.size:
            self._write_again(f"changed from {self.size} to {there.st_size} bytes", there.st_size)
        elif not self._is_at_its_place(self._events, self._out):
            self._write_again("removed or replaced", there.st_size)
        if not self._is_at_its_place(self._sent, self._ack):
            again = os.open(self._sent, os.O_RDWR | os.O_CREAT, OWN_FILE)
            os.dup2(again, self._ack, inheritable=False)
            os.close(again)
            self.acknowledge(self.sent)

    def _is_at_its_place(self, path: Path, opened: int) -> bool:
        try:
            return os.path.samestat(path.stat(), os.fstat(opened))
        except FileNotFoundError:
            return not self.folder.parent.exists()  # that of a sweep whose home was removed is not made anew

    def _write_again(self, harm: str, size: int) -> None:
        """Write the file anew: of what it still holds, ``size`` bytes, the beginning, then the lines in memory.

        Bytes between them are lost, and a line that cannot be read stands for them: all others keep their places.
        """
        first = self._recent.begin
        if self.folder.parent.exists():
            self.folder.mkdir(OWN_FOLDER, exist_ok=True)
        if is_lost := size < first and self.sent < first:
            self._lost.touch(OWN_FILE)
        temporary = self._events.with_name(f".{self._events.name}.{os.getpid()}")
        try:
            with temporary.open("wb") as file:
                self._in.seek(0)
                shutil.copyfileobj(self._in, file)
                file.truncate(first)
                file.seek(max(first - 1, 0))
                file.writelines([b"\n" if first else b"", *self._recent.since(first)])
            temporary.replace(self._events)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        self._close_events()
        self._open()
        told = f"{self._events} was {harm} by something else: "
        if size >= first:
            self._harmed.append(f"{told}it is written again, and nothing is lost")
            return
        self.lost |= is_lost
        kept = "MLflow gets what the study has of them" if is_lost else "MLflow has had them"
        self._harmed.append(f"{told}it is written again, but for bytes {size} to {first}; {kept}")

    def take_lost(self) -> bool:
        """Return ``lost``, which is False from now on."""
        with self._lock:
            lost, self.lost = self.lost, False
        return lost

    def forget_lost(self) -> None:
        """Take note that MLflow has what the study has of the events lost before the last ``take_lost``."""
        with self._lock:
            if not self.lost:
                self._lost.unlink(missing_ok=True)

    def waiting(self, limit: int = BATCH_BYTES) -> list[SpoolEntry]:
        """Return the entries not yet acknowledged, in order, up to about ``limit`` bytes, but at least one."""
        lines = self._lines(self.sent, limit)
        if not lines and self.sent < self.size:
            raise Away(f"{self._events} lacks byte {self.sent} and what follows")
        return list(self._entries(lines, self.sent))

    def all(self) -> Iterator[SpoolEntry]:
        """Yield all entries from the beginning, sent or not."""
        end = 0
        while lines := self._lines(end, BATCH_BYTES):
            for entry in self._entries(lines, end):
                yield entry
                end = entry.end

    def about(self, key: str) -> Iterator[Event]:
        """Yield the events that name the member ``key``, in order; of other lines none is parsed."""
        name, end = json.dumps(key).encode(), 0
        while lines := self._lines(end, BATCH_BYTES):
            end += sum(map(len, lines))
            for line in lines:
                if name in line and isinstance(event := _parse(line), Event):
                    yield event

    def _lines(self, start: int, limit: int) -> list[bytes]:
        """Return the whole lines from byte ``start`` on, up to about ``limit`` bytes, from the file or memory."""
        found, size = list[bytes](), 0
        with self._lock:
            if start < self._recent.begin:
                self._in.seek(start)
            for line in self._in if start < self._recent.begin else self._recent.since(start):
                if not line.endswith(b"\n") or size >= limit:
                    break
                found.append(line)
                size += len(line)
        return found

    @staticmethod
    def _entries(lines: Iterable[bytes], start: int) -> Iterator[SpoolEntry]:
        end = start
        for line in lines:
            end += len(line)
            yield SpoolEntry(_parse(line), end)

    def acknowledge(self, end: int) -> None:
        """Record that all entries before byte ``end`` are done."""
        os.pwrite(self._ack, _acknowledgement(end), 0)
        self.sent = end

    def rewind(self) -> None:
        """Let all entries be sent again. ``repeated_until`` is the byte up to which they have been sent before."""
        self.repeated_until = max(self.repeated_until, self.sent)
        self.acknowledge(0)

    def join(self, part: TextKept) -> Path:
        """Write a part of a long text to the file of what was sent of it, and return that file's path.

        Safe to repeat. Raises Refused where what is before the part is not there, or the folder was removed.
        """
        if not self.folder.exists():
            raise Refused(f"{self.folder} was removed")
        whole = self.folder / "parts" / (part.key or "sweep") / part.path
        whole.parent.mkdir(OWN_FOLDER, parents=True, exist_ok=True)
        whole.touch(OWN_FILE)
        with whole.open("r+b") as file:
            if file.seek(0, os.SEEK_END) < part.start:
                raise Refused(f"{whole} ends before byte {part.start}: what is before this part was lost")
            file.truncate(part.start)
            file.seek(part.start)
            file.write(part.text.encode())
        return whole

    def refuse(self, event: Event | Unknown, reason: str) -> bool:
        """Write an event that can never be sent to ``refused.jsonl``, with the reason.

        Returns False where that is not possible, as in a folder that was removed.
        """
        record = event.record if isinstance(event, Unknown) else to_json(event)
        try:
            with self._refused.open("ab") as file:
                file.write(sealed_line({"reason": reason, "event": record}, self._num_refused))
        except FileNotFoundError:
            return False
        self._num_refused += 1
        return True

    def refused(self) -> set[str]:
        """Return the keys of all events that were refused."""
        lines = self._refused.read_bytes().splitlines() if self._refused.exists() else []
        records = [json.loads(line)["event"] for line in lines]
        return {record.get("key", "") for record in records if isinstance(record, dict)}

    def close(self) -> None:
        """Close the files; nothing may be appended afterwards."""
        if self.sent == self.size:
            shutil.rmtree(self.folder / "parts", ignore_errors=True)
        self._close_events()
        os.close(self._ack)

    def _close_events(self) -> None:
        os.close(self._out)
        self._in.close()


def read(folder: Path) -> Iterator[Event]:
    """Yield the events of a spool that can be read, in order, and change nothing."""
    path = folder / "events.jsonl"
    if not path.exists():
        return
    with path.open("rb") as lines:
        for line in lines:
            event = _parse(line)
            if event is not None and not isinstance(event, Unknown):
                yield event


def _acknowledgement(end: int) -> bytes:
    text = b"%020d" % end
    return b"%b %08x\n" % (text, zlib.crc32(text))


def _acknowledged(content: bytes) -> int | None:
    """Return the number of bytes that ``sent`` says; None where it is not what was written."""
    found = SENT.fullmatch(content)
    if found is None or (found[2] and int(found[2], 16) != zlib.crc32(found[1])):
        return None
    return int(found[1])


def _parse(line: bytes) -> Event | Unknown | None:
    if line_number(line[:-1], -1) is None:
        return None
    record = record_of(line)
    try:
        return from_json(record)
    except UnknownEvent as error:
        return Unknown(record, str(error))
