"""Files that the drivers keep beside the study: written whole, and checked when they are read."""

from __future__ import annotations

import fcntl
import os
import re
import socket
import time
import zlib
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, unquote

from search_spaces.types.files.private_files import private_files
from search_spaces.types.files.sealed import Rotten, document

_MARK = re.compile(
    rb"# For reading alone: edits have no effect on sweep (\S+) \(check sum ([0-9a-f]{8})\)\.\n", re.ASCII
)

LOOKS, LOOK_S = 5, 0.01
"""Number of tries to take a sweep's lock, and seconds between them: one who only looks at it holds it a moment."""
CLOCKS_DIFFER_S = 2.0
"""Seconds by which a process's start and a file's time may differ, which have different clocks."""


def write_whole(path: Path, text: str, times_ns: tuple[int, int] | None = None) -> None:
    """Write a file atomically, with ``times_ns`` (access, modification) if given."""
    # A file that a killed process left half written would make every resume fail.
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with private_files():
        temporary.write_text(text, encoding="utf-8")
    if times_ns is not None:
        os.utime(temporary, ns=times_ns)
    temporary.replace(path)


def is_right(path: Path) -> bool:
    """Whether the sealed document is there as it was written; one of an earlier version has no seal."""
    try:
        return bool(document(path.read_bytes()))
    except (OSError, Rotten):
        return False


def is_sealed(path: Path) -> bool:
    """Whether the document has a check sum: earlier versions wrote none."""
    return path.exists() and b'"crc"' in path.read_bytes()[-32:]


def marked(text: str, sweep_id: str) -> str:
    """Return a text for people, with a first line that says whose it is and holds its check sum."""
    crc = zlib.crc32(text.encode())
    return f"# For reading alone: edits have no effect on sweep {sweep_id} (check sum {crc:08x}).\n{text}"


def bears_its_mark(path: Path, sweep_id: str) -> bool:
    """Whether the file is just what ``marked`` returned for this sweep."""
    try:
        content = path.read_bytes()
    except OSError:
        return False
    found = _MARK.match(content)
    if found is None or found[1].decode() != sweep_id:
        return False
    return zlib.crc32(content[found.end() :]) == int(found[2], 16)


def taken(lock: int) -> bool:
    """Take a driver's lock, and return whether that was possible."""
    for _ in range(LOOKS):
        with suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(LOOK_S)
    return False


def write_pid(lock: int) -> None:
    """Write this process's ID, and the machine on which it counts, with their check sum into the open lock file."""
    text = " ".join([str(os.getpid()), *_machine()]).encode()
    os.ftruncate(lock, 0)
    os.pwrite(lock, b"%b %08x\n" % (text, zlib.crc32(text)), 0)


def read_pid(lock: Path) -> int | None:
    """Return the ID of the process of this machine that holds the lock file, by the kernel, else as noted there.

    None: it is unknown, or another machine's. A driver notes its ID behind its taking of the lock: until then a
    former driver's is there.
    """
    noted, machine = _noted(lock)
    surely, perhaps = _holders(lock)
    if machine and machine != _machine():
        noted, perhaps = None, surely
    if not perhaps:  # another system, or a disk of another machine's
        return noted if noted is not None and _wrote(noted, lock) else None
    if noted in perhaps:
        return noted
    sole = surely or (perhaps if noted is None else set())
    return sole.pop() if len(sole) == 1 else None


def noted_elsewhere(lock: Path) -> str:
    """Return which process of another machine has noted itself in the lock file, in words; empty where none has."""
    noted, machine = _noted(lock)
    return f"process {noted} on {unquote(machine[0])}" if machine and machine != _machine() else ""


def _noted(lock: Path) -> tuple[int | None, tuple[str, ...]]:
    """Return the process ID in the lock file and its machine, which earlier versions did not write."""
    found = re.fullmatch(rb"((\d+)((?: \S+)*)) ([0-9a-f]{8})\n", lock.read_bytes())
    if found is None or zlib.crc32(found[1]) != int(found[4], 16):
        return None, ()
    return int(found[2]), tuple(found[3].decode(errors="replace").split())


def _machine() -> tuple[str, ...]:
    """Return what must be the same for a process ID to mean the same process: host, its start, and container."""
    boot, space = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")
    parts = [quote(socket.gethostname()) or "-"]
    with suppress(OSError):  # not of Linux, which alone has containers
        parts += [boot.read_text().strip(), str(space.readlink())]
    return tuple(parts)


def _wrote(pid: int, lock: Path) -> bool:
    """Whether the process may have written the lock file: it is alive, and began before."""
    import psutil

    try:
        return bool(psutil.Process(pid).create_time() < lock.stat().st_mtime + CLOCKS_DIFFER_S)
    except (psutil.NoSuchProcess, psutil.AccessDenied):  # another's, of which nothing may be known
        return False


def _holders(lock: Path) -> tuple[set[int], set[int]]:
    """Return the processes that hold the lock file by Linux's list of locks, and those that may.

    Files on several devices may have one number, and some file systems show another device than the list.
    """
    try:
        lines = Path("/proc/locks").read_text().splitlines()
    except OSError:
        return set(), set()
    status = lock.stat()
    number = f":{status.st_ino}"
    place = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}{number}"
    held = [line.split() for line in lines if " FLOCK " in line and " WRITE " in line and " -> " not in line]
    pids = [(words[5], int(words[4])) for words in held if words[5].endswith(number) and int(words[4]) > 0]
    return {pid for at, pid in pids if at == place}, {pid for _at, pid in pids}
