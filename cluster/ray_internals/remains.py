"""What is left of Rays: of one that did not start its processes and words, of ended ones the files of sessions.

Each sweep makes a session, and they would fill the disk.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import signal
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

import psutil

LOGS = ("raylet.err", "gcs_server.err")
"""Logs in which Ray's servers write why they end."""
SAID = re.compile(r"^\[.* [CEF] \d+ \d+\] \(\w+\) \S+:\d+: +(?:.*Check failed: (?:\S+\(\) )?)?(.+)$", re.MULTILINE)
"""A line of a log that tells an error, with the error in group 1."""
END_S = 10.0
KEPT_S = 600.0
"""Seconds for which a session is kept after its last change, for those who look at its logs."""
MOST = 20
"""Most sessions removed at a time, so that a Ray that starts need not wait."""
SOCKETS = ("plasma_store", "raylet")
_held: list[int] = []
"""Open session folders of this process's Rays, each with a lock."""


class NodeDied(Exception):
    """Error: a process of Ray's node has ended while Ray starts."""

    def __init__(self, name: str, code: int) -> None:
        how = f"exit code {code}" if code >= 0 else signal.Signals(-code).name
        super().__init__(f"{name} ended with {how}")


def cleared(error: BaseException) -> str:
    """End the processes of the Ray that this process could not start, and return what it said of the cause."""
    found = dict(_processes())
    for process in found:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(found, timeout=END_S)
    said = [words for folder in set(found.values()) if (words := _last_words(folder / "logs"))]
    return ": ".join(dict.fromkeys([str(error).strip().partition("\n")[0], *said]))


def _processes() -> Iterator[tuple[psutil.Process, Path]]:
    """Yield each process of this process's Ray, and its session's folder, which is named by this process's ID."""
    folder = re.compile(rf"(/[^=]*/session_[\d-]+_[\d-]+_\d+_{os.getpid()})(?:/|\s|$)")
    for process in psutil.process_iter(["cmdline"]):
        place = next(filter(None, map(folder.search, process.info["cmdline"] or ())), None)
        if place is not None:
            yield process, Path(place[1])


def _last_words(logs: Path) -> str | None:
    """Return the last error that Ray's servers wrote, without what Ray adds to it; None where there is none."""
    for path in (logs / name for name in LOGS):
        if path.exists() and (told := SAID.findall(path.read_text(errors="replace"))):
            return str(told[-1]).strip()
    return None


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
        # to a folder that is gone; a new one may be another container's, which has folders of its own
        if link.is_symlink() and not link.exists() and time.time() - link.lstat().st_mtime > KEPT_S:
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
