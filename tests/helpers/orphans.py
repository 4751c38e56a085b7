"""Counts the processes that a killed command has left behind, seen by what no process can shake off."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

TOKEN = "PACELINE_CHAOS"
"""Environment variable that all processes of a command inherit."""
ORPHANED_S = 10.0
"""Seconds after a driver's death after which no process of its sweep may be alive."""


def orphans(token: str, folder: Path, since: float) -> list[str]:
    """Return the processes that are alive ``ORPHANED_S`` after ``since`` (monotonic seconds), by ID and command."""
    while (found := dict(alive(token, folder))) and time.monotonic() < since + ORPHANED_S:
        time.sleep(0.1)
    return [f"{pid} {command}" for pid, command in found.items()]


def alive(token: str, folder: Path) -> Iterator[tuple[int, str]]:
    """Yield the living processes that have the token in their environment, or work in the folder."""
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            ours = process.environ().get(TOKEN) == token or _works_in(process.pid, folder)
            if ours and process.status() != psutil.STATUS_ZOMBIE and process.pid != os.getpid():
                yield process.pid, " ".join(process.cmdline())[:160]


def _works_in(pid: int, folder: Path) -> bool:
    place = Path(str(Path(f"/proc/{pid}/cwd").readlink()).removesuffix(" (deleted)"))
    return place == folder or folder in place.parents
