"""Removes the sessions that Rays of this user left behind: one for each sweep, they would fill the disk."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

import psutil

KEPT_S = 600.0
"""Seconds for which a session is kept after its last change, for those who look at its logs."""
MOST = 20
"""Most sessions removed at a time, so that a Ray that starts need not wait."""
SOCKETS = ("plasma_store", "raylet")
_held: list[int] = []
"""Open session folders of this process's Rays, each with a lock."""


def hold(session: Path) -> None:
    """Keep ``session`` from being removed until this process has ended."""
    with suppress(OSError):  # a file system without locks, where none is removed
        opened = os.open(session, os.O_RDONLY)
        _held.append(opened)
        fcntl.flock(opened, fcntl.LOCK_SH)


def remove_old_sessions(folder: Path) -> None:
    """Remove the oldest sessions in this user's own ``folder``, of Rays of which no process is left."""
    old = [session for session in sorted(folder.glob("session_*_*_*")) if _is_old(session)]
    if old:
        commands = " ".join(_commands())
        list(islice((session for session in old if session.name not in commands and _removed(session)), MOST))
    for link in folder.parent.iterdir():
        if link.is_symlink() and not link.exists():  # to a folder that is gone
            link.unlink(missing_ok=True)


def _is_old(session: Path) -> bool:
    """Whether it is a folder of this user's that did not change lately; where clocks disagree it may be newer."""
    try:
        found = session.lstat()
        times_s = [found.st_mtime, *(path.stat().st_mtime for path in [session / "logs"] if path.exists())]
    except OSError:
        return False
    own = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    return own and min(abs(time.time() - at_s) for at_s in times_s) > KEPT_S


def _commands() -> Iterator[str]:
    for process in psutil.process_iter(["cmdline"]):
        yield " ".join(process.info["cmdline"] or ())


def _removed(session: Path) -> bool:
    """Remove a session, and return whether that was possible: nobody holds it, maybe in a container, or listens."""
    with suppress(OSError):
        opened = os.open(session, os.O_RDONLY)
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not any(_listens(session / "sockets" / name) for name in SOCKETS):
                shutil.rmtree(session, ignore_errors=True)
        finally:
            os.close(opened)
    return not session.exists()


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as asked:
        try:
            asked.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            return True
    return True
