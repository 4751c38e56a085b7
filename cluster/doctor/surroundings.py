"""What a process finds itself in: its variables, folders and limits, as checks, refusals and sentences."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from shlex import quote

from cluster.doctor.machine import Check, judged
from cluster.ray_internals.private_ray import sessions
from cluster.sweep.home import root
from search_spaces.types.driver_errors import NoRay
from search_spaces.types.files.control_group import groups, number
from search_spaces.types.files.private_files import OWN_TOKEN

try:
    import resource
except ImportError:  # not on Windows
    resource = None  # type: ignore[assignment]

TASKS, TASKS_A_LANE = 125, 25
"""Processes and threads that a sweep takes at least, and for each worker, as measured on two cores."""
FILES, FILES_A_LANE = 64, 8
"""Open files of one process of a sweep."""
CLOSED = (errno.EACCES, errno.EPERM, errno.EROFS)
NO_THREAD = "can't start new thread"


class Unfit(Exception):
    """Error: a sweep cannot run with these variables, folders and limits; the text has a line for each."""


def refuse_surroundings(num_lanes: int) -> None:
    """Raise Unfit with everything here for which a sweep with this many workers cannot run on this machine."""
    wrong = [check for check in surroundings(num_lanes) if check.state == "wrong"]
    if wrong:
        raise Unfit("\n".join(f"{check.name}: {check.found}; {check.remedy}" for check in wrong))


def surroundings(num_lanes: int = 1) -> Iterator[Check]:
    """Check HOME, the folder for temporary files, and the limits of processes and open files, which it raises."""
    yield _home()
    yield from _names()
    yield _temporary()
    yield _tasks(num_lanes)
    yield _files(num_lanes)


def token_files() -> Iterator[Check]:
    """Check that files with the token of a Ray cluster, if there are any, are for this user alone."""
    for path in map(Path, filter(None, (OWN_TOKEN, os.environ.get("RAY_AUTH_TOKEN_PATH")))):
        with suppress(OSError, RuntimeError):  # it cannot be read, or there is no home
            if (mode := path.expanduser().stat().st_mode & 0o777) & 0o077:
                found = f"{path} has mode {mode:04o}: who reads it may run code on the cluster"
                yield Check(name="Ray's token", state="warning", found=found, remedy=f"chmod 600 {path}")


def sentence(error: BaseException) -> str | None:
    """Return what to do about an error of the system: a folder that cannot be written, a limit; None for others."""
    if isinstance(error, RuntimeError) and NO_THREAD in str(error):
        return _no_task()
    if not isinstance(error, OSError):
        return None
    if error.errno in CLOSED and error.filename is not None:
        return f"{os.fsdecode(error.filename)}: {error.strerror}; {_elsewhere(Path(os.fsdecode(error.filename)))}"
    if isinstance(error, FileNotFoundError) and error.filename is None and _folder_is_gone():
        return "the working folder was removed: go to another one"
    if error.errno in (errno.EEXIST, errno.ENOTDIR) and error.filename is not None and not _folder_is_gone():
        path, homes = Path(os.fsdecode(error.filename)).absolute(), root().absolute()
        if homes.is_relative_to(path):
            return f"{path} is no folder: set PACELINE_HOME to a folder that you can write"
    if error.errno == errno.EMFILE:
        return f"too many open files: raise the limit (`ulimit -n`, now {_limit('RLIMIT_NOFILE')})"
    full = hasattr(error, "characters_written")  # a pipe whose reader is slow, and that nobody waits for
    return _no_task() if error.errno == errno.EAGAIN and not full else None


def _folder_is_gone() -> bool:
    """Whether the working folder was removed."""
    try:
        return not Path.cwd()
    except FileNotFoundError:
        return True


def _no_task() -> str:
    limit = _limit("RLIMIT_NPROC")
    return f"no further process or thread can be started: raise the limit (`ulimit -u`, now {limit})"


def _elsewhere(path: Path) -> str:
    """Return what gives the right to read ``path``, or which variable names another place, to write to."""
    if (closed := _closed(path)) is not None:
        if closed.stat().st_uid == os.getuid():
            right = "rx" if closed.is_dir() else "r"
            return f"give yourself the right to read it: `chmod u+{right} {quote(str(closed))}`"
        if not closed.is_dir():
            return "it is another user's: ask for the right to read it"
    places = {"PACELINE_HOME": root(), "TMPDIR": Path(os.environ.get("TMPDIR") or "/tmp")}
    with suppress(RuntimeError):
        places["HOME"] = Path.home()
    for variable, place in places.items():
        if path.absolute().is_relative_to(place.absolute()):
            other = ", or work in another folder" if variable == "PACELINE_HOME" else ""
            return f"set {variable} to a folder that you can write{other}"
    return "give yourself the right to it, or work in another folder"


def _closed(path: Path) -> Path | None:
    """Return the outermost of ``path`` and the folders around it that is there and cannot be read."""
    for at in reversed([path.absolute(), *path.absolute().parents]):
        if not os.access(at, os.F_OK):
            return None
        if not os.access(at, os.X_OK if at.is_dir() else os.R_OK):
            return at
    return path if not os.access(path, os.R_OK) else None


def _home() -> Check:
    try:
        home = Path.home()
    except RuntimeError:
        found = f"not set, and no user {os.getuid()} is known to this machine"
        return Check(name="HOME", state="wrong", found=found, remedy="set HOME to a folder that you can write")
    able = os.access(home, os.W_OK)
    remedy = "set HOME, or XDG_CACHE_HOME and PACELINE_CACHE, to a folder that you can write: nothing is cached"
    return judged("HOME", able, str(home) if able else f"{home} cannot be written", remedy, "warning")


def _names() -> Iterator[Check]:
    """Check what Ray cannot do with: a folder of homes whose name is not UTF-8, and a Python without docstrings."""
    with suppress(FileNotFoundError):  # the working folder was removed
        if (path := str(root().absolute())) != path.encode(errors="replace").decode():
            remedy = "set PACELINE_HOME to a folder with a name in UTF-8, or work in one"
            yield Check(name="PACELINE_HOME", state="wrong", found=f"{path!a} is not UTF-8", remedy=remedy)
    if sys.flags.optimize > 1:
        found = "Python was started without docstrings, which Ray needs (-OO)"
        yield Check(name="PYTHONOPTIMIZE", state="wrong", found=found, remedy="set it to 1, or to nothing")


def _temporary() -> Check:
    try:
        folder = tempfile.gettempdir()
        sessions()
    except NoRay as error:
        found, _, remedy = str(error).rpartition(": ")
        return Check(name="TMPDIR", state="wrong", found=found, remedy=remedy)
    except FileNotFoundError:
        tried = os.environ.get("TMPDIR") or "/tmp"
        remedy = "set TMPDIR to a folder with a short path that you can write"
        return Check(name="TMPDIR", state="wrong", found=f"{tried} cannot be written", remedy=remedy)
    return Check(name="TMPDIR", state="ok", found=folder)


def _tasks(num_lanes: int) -> Check:
    needed = TASKS + TASKS_A_LANE * num_lanes
    _raise("RLIMIT_NPROC", 16 * needed)  # what else this user runs counts as well
    rooms = [room for room in (_room_by_ulimit(), _room_by_cgroup()) if room is not None]
    if not rooms:
        return Check(name="processes", state="ok", found="no limit")
    room, how = min(rooms)
    fits = (room - TASKS) // TASKS_A_LANE
    fewer = f", or set max_concurrent: {fits}" if 0 < fits < num_lanes else ""
    found = f"room for {room} processes and threads"
    if room < needed:
        found += f", and a sweep with {num_lanes} worker{'s' * (num_lanes > 1)} takes about {needed}"
    return judged("processes", room >= needed, found, f"raise the limit ({how}){fewer}")


def _room_by_ulimit() -> tuple[int, str] | None:
    """Return how many more processes and threads this user may have; None without a limit, as for root."""
    limit = _limit("RLIMIT_NPROC")
    if limit is None or os.geteuid() == 0:
        return None
    import psutil

    used = 0
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            used += process.num_threads() if process.uids().real == os.getuid() else 0
    return limit - used, "`ulimit -u`"


def _room_by_cgroup() -> tuple[int, str] | None:
    """Return how many more processes and threads this container may have; None without a limit."""
    limits = [(number(group, "pids.max"), number(group, "pids.current")) for group in groups("pids")]
    rooms = [limit - (used or 0) for limit, used in limits if limit is not None]
    return (min(rooms), "the container's, `--pids-limit`") if rooms else None


def _files(num_lanes: int) -> Check:
    needed = FILES + FILES_A_LANE * num_lanes
    _raise("RLIMIT_NOFILE", 16 * needed)
    limit = _limit("RLIMIT_NOFILE")
    if limit is None or limit >= needed:
        return Check(name="open files", state="ok", found="no limit" if limit is None else f"up to {limit}")
    found = f"up to {limit}, and a sweep with {num_lanes} worker{'s' * (num_lanes > 1)} takes about {needed}"
    return Check(name="open files", state="wrong", found=found, remedy="raise the limit (`ulimit -n`)")


def _limit(name: str) -> int | None:
    """Return the limit in force; None without one."""
    if resource is None or not hasattr(resource, name):
        return None
    soft, _ = resource.getrlimit(getattr(resource, name))
    return None if soft == resource.RLIM_INFINITY else soft


def _raise(name: str, wanted: int) -> None:
    """Raise a limit to ``wanted``, or as far as this user may: macOS begins with 256 open files."""
    now = _limit(name)
    if now is not None and now < wanted:
        kind = getattr(resource, name)
        most = resource.getrlimit(kind)[1]
        with suppress(ValueError, OSError):  # macOS allows less than it says
            resource.setrlimit(kind, (wanted if most == resource.RLIM_INFINITY else min(wanted, most), most))
