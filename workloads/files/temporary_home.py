"""The folder of a process's temporary folders, which is removed when it ends, or by others when it was killed.

A lock says whether its process lives: a lane that gets SIGKILL may leave gigabytes behind.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import shutil
from functools import cache
from pathlib import Path
from tempfile import gettempdir, mkstemp

PREFIX, LOCK = "paceline-saved-", ".lock"


@cache
def temporary_home() -> Path:
    """Make this process's folder, and remove those of processes that have ended."""
    _remove_dead()
    lock, name = mkstemp(LOCK, PREFIX)
    with contextlib.suppress(OSError):  # on a file system without locks nobody else removes it
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    home = Path(name.removesuffix(LOCK))
    home.mkdir(mode=0o700)
    atexit.register(_leave, home, os.getpid())
    return home


def _remove_dead() -> None:
    for lock in Path(gettempdir()).glob(f"{PREFIX}*{LOCK}"):
        with contextlib.suppress(OSError), lock.open("rb+") as file:  # another user's, or it lives, or is gone
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(lock.with_name(lock.name.removesuffix(LOCK)))


def _leave(home: Path, number: int) -> None:
    if os.getpid() == number:  # not in a process that was forked from it
        _remove(home)


def _remove(home: Path) -> None:
    shutil.rmtree(home, ignore_errors=True)
    home.with_name(f"{home.name}{LOCK}").unlink(missing_ok=True)
