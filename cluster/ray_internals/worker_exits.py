"""How worker processes on this machine have ended, and what they said last: Ray tells only that they died."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from pathlib import Path
from typing import IO, NamedTuple

from cluster.ray_internals.private_ray import sessions
from search_spaces.types.files.control_group import counts, groups

PID = re.compile(r"^\s*pid: (\d+)", re.MULTILINE)
RAYS = (":job_id:", ":actor_name:", ":task_name:")
"""Beginnings of lines that Ray itself writes into a worker's log."""
NUM_LINES = 20
WAIT_S = 1.0
"""Seconds to wait for an exit code after Ray has told of the death."""
MACHINE = Path("/proc/vmstat")
_listens = threading.Event()
_statuses: dict[int, int] = {}
"""Exit statuses, as ``os.waitpid`` returns them, of the fork server's workers by process ID."""


def listen(pipe: IO[bytes]) -> None:
    """Take in the exit statuses that the fork server writes: process ID and status in a line."""

    def read() -> None:
        for line in pipe:
            words = line.split()
            if len(words) == 2 and all(word.isdigit() for word in words):
                _statuses[int(words[0])] = int(words[1])

    _listens.set()
    threading.Thread(target=read, daemon=True, name="exits of workers").start()


class Kills(NamedTuple):
    """Numbers of processes that the kernel has killed as memory ended."""

    group: int | None
    """In this process's control group, as is that of its container; None where these are not counted."""
    machine: int
    """On this machine, in other containers, too."""


def oom_kills() -> Kills:
    """Return how many processes the kernel has killed so far as memory ended."""
    own = [counts(group, "memory.events", "memory.oom_control") for group in groups("memory")[:1]]
    machine = counts(MACHINE.parent, MACHINE.name)
    return Kills(own[0].get("oom_kill") if own else None, machine.get("oom_kill", 0))


def account(told: str, kills_before: Kills) -> str | None:
    """Return how the worker ended of whose death Ray tells, with its last lines; None where that is not known.

    ``kills_before`` is what ``oom_kills`` returned while it lived.
    """
    found = PID.search(told)
    if found is None:
        return None
    pid, deadline = int(found[1]), time.monotonic() + WAIT_S * _listens.is_set()  # of workers elsewhere none comes
    while pid not in _statuses and time.monotonic() < deadline:
        time.sleep(0.05)
    how, said = _how(_statuses.get(pid), kills_before), last_lines(pid)
    if how is None and not said:
        return None
    how = how or "it ended"
    return f"its last lines on stderr:\n{said}\nthe worker process died: {how}" if said else how


def _how(status: int | None, kills_before: Kills) -> str | None:
    if status is None:
        return None
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"it ended with exit code {code}"
    name = signal.Signals(-code).name
    if name != "SIGKILL":
        return f"it ended with {name}"
    return f"it ended with {name}, {_sender(kills_before, oom_kills())}"


def _sender(before: Kills, now: Kills) -> str:
    if now.group is None and now.machine > before.machine:  # whose process that was is not known
        return "sent by a process, or for want of memory: the kernel has killed one on this machine"
    return "as memory ended" if now.group is not None and now.group > (before.group or 0) else "sent by a process"


def last_lines(pid: int) -> str:
    """Return the last lines that a worker of this process's Ray wrote to stderr."""
    own = sorted(sessions().glob(f"session_*_{os.getpid()}"))[-1:]  # in containers earlier ones had this ID, too
    logs = [path for session in own for path in session.glob(f"logs/worker-*-{pid}.err")]
    text = "".join(path.read_text(errors="replace") for path in logs)
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith(RAYS)]
    return "\n".join(lines[-NUM_LINES:])
