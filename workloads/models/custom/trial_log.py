"""Keeps what a trial's code prints: one text file a trial, to which its legs and attempts append.

A line of the form ``=== ... ===`` says where each begins. A file is bounded: of an endless print it keeps the
beginning and the end. Written in lanes, read by drivers and commands; imports the standard library alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from search_spaces.race.legs import Leg, Member
from search_spaces.types.trial_names import trial_name

MIB = 2**20
MOST = 10 * MIB
"""Bytes at which a log is shortened to ``FIRST`` bytes of its beginning and ``LAST`` of its end."""
FIRST, LAST = 2 * MIB, 4 * MIB
LOOK_S = 0.05
"""Seconds between two looks at the log's size: the fastest print writes some 50 MiB meanwhile."""
LEFT_OUT = re.compile(rb"\n=== ([0-9,]+) bytes are left out here ===\n")
MARK = re.compile(r"=== t\d+ .+ ===")
RAISED = "=== it raised ==="
_open: list[TrialLog] = []
"""The logs of the leg under way; one process has one leg."""
_present: list[TrialLog] = []
"""The one of them that the process prints to."""
_watching: list[threading.Thread] = []


def path_of(folder: str | Path, trial: int, rank: int = 0) -> Path:
    """Return the file of a trial: ``t007.log``, of the other workers of a group ``t007-rank1.log``."""
    return Path(folder, f"{trial_name(trial)}{f'-rank{rank}' if rank else ''}.log")


def mark_of(leg: Leg, *members: Member) -> str:
    """Return what a log says where ``leg`` begins, of whose ``members`` of one trial it is: seeds, epochs, time."""
    seeds = ", ".join(str(member.seed) for member in members)
    words = [f"seed{'s' if len(members) > 1 else ''} {seeds}", f"epochs {leg.start + 1} to {leg.stop}"]
    words += ["tried again"] if leg.retry else []
    words += ["final evaluation"] if leg.purpose == "final" else []
    return f"{trial_name(members[0].trial)} {', '.join(words)}, {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"


def current(trial: int | None = None) -> TrialLog | None:
    """Return the log that this process prints to, or that of ``trial`` where it is open; None without one."""
    if trial is None:
        return _present[-1] if _present else None
    return next((log for log in _open if log.trial == trial), current())


def part_of(seed: int, fold: int | None = None) -> str:
    """Return the name of a part of a leg in a trial's log; ``fold`` is counted from 0."""
    return f"seed {seed}" if fold is None else f"seed {seed}, fold {fold + 1}"


@contextlib.contextmanager
def turn(trial: int, part: str = "") -> Iterator[None]:
    """Have what this process prints in the block go to the log of ``trial``, one of its leg's.

    A line there says whose it is, where the leg has several parts of the trial. What is said of an error that
    leaves the block goes there, too.
    """
    before, own = current(), current(trial)
    if own is not None:
        _flush()
        own.begin(part)
    if own is None or own is before:
        yield
        return
    _go_to(own)
    yield
    if before is not None:
        _go_to(before)


class TrialLog:
    """A log that is open for appending. Raises OSError where it cannot be opened.

    ``number`` is its file descriptor, which child processes may inherit as their standard output; what they write
    is bounded, too. ``part`` is the only one that its leg has of the trial, if it has one.
    """

    def __init__(self, path: Path, trial: int, mark: str, part: str = "") -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self.trial, self._part = path, trial, part
        self._line = (0, 0)
        """Where the last line that names a part begins and ends."""
        self.number = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            self.write(f"=== {mark} ===\n")
        except OSError:
            os.close(self.number)
            raise

    def write(self, text: str) -> None:
        """Append ``text``."""
        os.write(self.number, text.encode("utf-8", "backslashreplace"))

    def begin(self, part: str) -> None:
        """Write whose part of the leg begins, if it is another one; of one that printed nothing no line stays."""
        if part in ("", self._part):
            return
        with contextlib.suppress(OSError):  # a full disk
            if (size := os.fstat(self.number).st_size) == self._line[1] > 0:
                os.ftruncate(self.number, size := self._line[0])
            self.write(f"=== {trial_name(self.trial)} {part} ===\n")
            self._line, self._part = (size, os.fstat(self.number).st_size), part

    def close(self) -> None:
        """Bound the file, and close it."""
        with contextlib.suppress(OSError):  # a full disk, or the sweep's folder was removed
            bound(self.path)
        os.close(self.number)


class LegLogs:
    """The logs of a leg's trials. What this process prints until ``close`` goes to one of them, at first the first.

    Raises OSError where one cannot be opened.
    """

    def __init__(self, folder: str | Path, leg: Leg, rank: int = 0) -> None:
        try:
            for trial in dict.fromkeys(member.trial for member in leg.members):
                own = [member for member in leg.members if member.trial == trial]
                part = part_of(own[0].seed) if len(own) == 1 else ""
                _open.append(TrialLog(path_of(folder, trial, rank), trial, mark_of(leg, *own), part))
        except OSError:  # what the next leg prints must not go to a log of this one
            _close()
            raise
        _flush()
        self._outer = [_duplicate(number) for number in (1, 2)]
        _go_to(_open[0])
        if not _watching:
            _watching.append(threading.Thread(target=_watch, daemon=True, name="trial log"))
            _watching[0].start()

    def raised(self, text: str) -> None:
        """Append the traceback with which the training ended whose turn it was."""
        _flush()
        if (log := current()) is not None:
            with contextlib.suppress(OSError):
                log.write(f"{RAISED}\n{text.rstrip()}\n")

    def close(self) -> None:
        """Give the process its output back, and close the logs."""
        _flush()
        for number, outer in zip((1, 2), self._outer, strict=True):
            if outer is not None:
                os.dup2(outer, number)
                os.close(outer)
        _present.clear()
        _close()


def _close() -> None:
    for log in _open:
        log.close()
    _open.clear()


def _go_to(log: TrialLog) -> None:
    """Have what this process prints go to ``log``."""
    _flush()
    for number in (1, 2):
        os.dup2(log.number, number)
    _present[:] = [log]


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # one that users' code has put there, or closed
            stream.flush()


def _duplicate(number: int) -> int | None:
    try:
        return os.dup(number)
    except OSError:  # closed
        return None


def _watch() -> None:
    pause = threading.Event()
    while True:
        pause.wait(LOOK_S)
        for log in [*_open]:
            with contextlib.suppress(OSError):
                bound(log.path)


def bound(path: Path) -> None:
    """Shorten the log to its beginning and its end where it is longer than ``MOST``.

    Other processes may append meanwhile: what they write in that moment may be left out, too.
    """
    if path.stat().st_size <= MOST:
        return
    with path.open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if (size := os.fstat(file.fileno()).st_size) <= MOST:
            return
        file.seek(FIRST)
        earlier = LEFT_OUT.match(file.read(80))
        begin = FIRST + (len(earlier[0]) if earlier else 0)
        file.seek(size - LAST)
        end = file.read(LAST)
        end = end[end.find(b"\n") + 1 :]
        count = size - len(end) - begin + (int(earlier[1].replace(b",", b"")) if earlier else 0)
        file.seek(FIRST)
        file.write(f"\n=== {count:,} bytes are left out here ===\n".encode() + end)
        file.truncate()
