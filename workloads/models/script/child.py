"""A program as a child of this process: its output, its end, and that of all it has started."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from workloads.models.script.child_processes import adopt_orphans, children
from workloads.models.script.lane_guard import LaneGuard

PIECE_BYTES, MOST_BYTES = 65_536, 2**20
"""Bytes of output that are read at once, and before something else is looked at."""
TAIL_LINES = 40
"""Number of last lines that stand in the reason of a failure."""
MAX_LINE_BYTES = 65_536
"""Bytes after which a line is looked at that has not ended."""
KILLED_S = 10.0
"""Seconds after which a process that got SIGKILL is left to the system."""
_BREAK = re.compile(rb"(\r*\n|\r+(?=[^\r\n]))")
"""End of a line, or of text that the next one overwrites, as of a progress bar; what follows a last CR decides."""


@dataclass(frozen=True)
class Start:
    """What is started: the words of the command line, the working folder, and the environment."""

    words: Sequence[str]
    folder: Path
    environment: Mapping[str, str]
    temporary: Path
    """Folder that is removed if this process is killed meanwhile."""


class Child:
    """A running program. What it prints goes to ``log``, and line by line to ``on_line``.

    That is also told whether the line stays: one that ends with a carriage return is overwritten by the next one.
    """

    def __init__(self, start: Start, log: Callable[[bytes], object], on_line: Callable[[str, bool], None]) -> None:
        adopt_orphans()
        guard = LaneGuard.of_this_process()
        self._before = children()
        self._log, self._on_line, self._rest = log, on_line, b""
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        """The last lines that it printed."""
        self._process = subprocess.Popen(
            start.words,
            cwd=start.folder,
            env={**start.environment, **guard.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.guarded = guard.begin(self._process.pid, str(start.temporary))
        """Its guard, which is told by the caller when nothing of it is left, and its folder is removed."""
        assert self._process.stdout is not None
        self._pipe = self._process.stdout.fileno()
        os.set_blocking(self._pipe, False)
        self._exit = os.pidfd_open(self._process.pid) if hasattr(os, "pidfd_open") else None
        self._printing, self._over, self._frozen = True, False, False

    @property
    def pid(self) -> int:
        """Number of its process, and of its group and session."""
        return self._process.pid

    @property
    def over(self) -> bool:
        """Whether nothing is left of it."""
        return self._over

    @property
    def code(self) -> int | None:
        """Its exit code, minus the number of the signal that ended it; None while it runs."""
        return self._process.poll()

    def wait(self, seconds: float) -> None:
        """Wait until it prints something or ends, at most so long, and take up what it has printed."""
        poll = select.poll()  # select takes no file from number 1,024 on
        for file in (*([self._pipe] if self._printing else []), *([] if self._exit is None else [self._exit])):
            poll.register(file, select.POLLIN)
        poll.poll(1000 * (seconds if self._exit is not None else min(seconds, 0.02)))
        self._read()

    def freeze(self) -> None:
        """Halt it and its group, until ``thaw``; it stands still at the return, or has ended."""
        if not (self._frozen or self._over) and self._signal(signal.SIGSTOP):
            self._frozen = True
            if hasattr(os, "waitid") and self._process.returncode is None:  # else what it has started runs on
                os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def thaw(self) -> None:
        """Let it go on."""
        if self._frozen:
            self._signal(signal.SIGCONT)
            self._frozen = False

    def end(self, grace_s: float) -> bool:
        """End it, all of its group and all that it has started; return whether it ended by itself within the grace.

        The group gets SIGTERM, and after the grace SIGKILL.
        """
        by_itself = True
        if self.code is None:
            self._signal(signal.SIGTERM)
            self.thaw()
            deadline = time.monotonic() + grace_s
            while self.code is None and (left_s := deadline - time.monotonic()) > 0:
                self.wait(left_s)
            by_itself = self.code is not None
        self.close()
        return by_itself

    def close(self) -> None:
        """Kill what is left of it, once it is over or must be, and take up what it has printed."""
        if self._over:
            return
        self._over = True
        self._kill()
        while self._printing and self._read():
            pass
        self._take(b"\n" if self._rest else b"")
        assert self._process.stdout is not None
        self._process.stdout.close()
        if self._exit is not None:
            os.close(self._exit)

    def _kill(self) -> None:
        """Kill the group, then what has left it, which is found among this process's children."""
        self._signal(signal.SIGKILL)
        self._process.wait()
        begun = time.monotonic()
        while (left := self._left()) and time.monotonic() - begun < KILLED_S:
            for one in left:  # the children of those that end come up as ours
                with contextlib.suppress(psutil.Error):
                    one.kill()
            psutil.wait_procs(left, 0.05)

    def _left(self) -> list[psutil.Process]:
        found = []
        for number in children() - self._before:
            with contextlib.suppress(psutil.Error):
                one = psutil.Process(number)
                if one.status() == psutil.STATUS_ZOMBIE:
                    one.wait(0)
                else:
                    found += [one, *one.children(recursive=True)]
        return found

    def _signal(self, number: int) -> bool:
        try:
            os.killpg(self._process.pid, number)
        except (ProcessLookupError, PermissionError):  # all of it has ended; macOS says so of zombies
            return False
        return True

    def _read(self) -> bool:
        """Take up what was printed, ``MOST_BYTES`` at once; return whether there was anything."""
        taken = 0
        while self._printing and taken < MOST_BYTES:
            try:
                piece = os.read(self._pipe, PIECE_BYTES)
            except BlockingIOError:
                break
            if not piece:
                self._printing = False
                break
            self._log(piece)
            self._take(piece)
            taken += len(piece)
        return taken > 0

    def _take(self, piece: bytes) -> None:
        *whole, self._rest = _BREAK.split(self._rest + piece)
        if len(self._rest) > MAX_LINE_BYTES:
            whole, self._rest = [*whole, self._rest, b"\n"], b""
        for line, end in zip(whole[::2], whole[1::2], strict=True):
            if line:
                text = line.decode("utf-8", "replace")
                self.tail.append(text)
                self._on_line(text, b"\n" in end)
