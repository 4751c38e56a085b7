"""Keeps a local Ray to its user: nobody else of the machine or its network reaches its ports, sockets and files.

By itself Ray listens on all addresses, writes its token where others may read it, and lets everyone write to its
session's folder, in which its sockets lie.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import stat
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from cluster.ray_internals.node_options import node_options
from cluster.ray_internals.remains import hold, remove_old_sessions
from search_spaces.types.driver_errors import NoRay
from search_spaces.types.files.private_files import OWN_FOLDER
from search_spaces.types.module_path import environment

LOOPBACK = "127.0.0.1"
MODE, TOKEN = "RAY_AUTH_MODE", "RAY_AUTH_TOKEN"
FOLDER = "RAY_TMPDIR"
SHORT = ("/tmp", "/var/tmp", "/dev/shm")
"""Folders in one of which is a link to the folder for sessions where paths of sockets would be too long."""
PLAIN = re.compile(r"[\w/.,:+~%@=-]+", re.ASCII)
"""Paths that Ray can pass on to all of its processes."""
NUM_TAKEN = 100
"""Most folders of others that are passed over."""
OWN = f"paceline-{os.getuid()}"
INSIDE = "ray"
"""Ray opens the folder that it is given to everyone, so that is one within a closed one."""
LONGEST = 107 if sys.platform == "linux" else 103
"""Most bytes of a socket's path."""
IN_FOLDER = len(f"/{INSIDE}/session_2026-11-30_02-40-52_439910_4194304/sockets/plasma_store")


@contextmanager
def private_ray() -> Iterator[Path]:
    """Have a Ray that starts in the block listen on ``LOOPBACK`` alone, and ask for a token that only it has.

    Its processes find the modules that this one finds. Yields the folder for its sessions, in one that no other
    user can open. Raises NoRay where there is none.
    """
    token = {TOKEN: secrets.token_hex(32), MODE: None}  # without a mode Ray asks for a token, and sets the mode
    with node_options(node_ip_address=LOOPBACK), _environment({**token, **environment()}):
        forget_token()
        folder = sessions()
        remove_old_sessions(folder)
        yield folder
        ours = list(folder.glob(f"session_*_{os.getpid()}"))
        for opened in (folder, *ours):  # by Ray, where one has started
            with suppress(FileNotFoundError):
                opened.chmod(OWN_FOLDER)
        for session in sorted(ours)[-1:]:  # in containers earlier ones had this ID, too
            hold(session)


def forget_token() -> None:
    """Have Ray read token and mode anew: a process keeps those of its first Ray, and asks the next one for them."""
    from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined] # in Cython

    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()


def sessions() -> Path:
    """Make and return the folder for the sessions of this user's local Rays. Raises NoRay where there is none."""
    told = []
    for place in _places():
        try:
            return _reached(_own(place.absolute() / OWN)) / INSIDE
        except OSError as error:
            told.append(f"{os.fsdecode(error.filename or place)}: {error.strerror}")
    raise NoRay(
        f"{'; '.join(told)}: set {FOLDER} to a folder with a short path, on a local disk, that you can write"
    )


def _places() -> list[Path]:
    if given := os.environ.get(FOLDER):
        return [Path(given)]
    with suppress(FileNotFoundError):  # no folder for temporary files can be written
        return list(dict.fromkeys([Path(tempfile.gettempdir()), Path(SHORT[0])]))
    return [Path(SHORT[0])]


def _own(folder: Path) -> Path:
    """Make ``folder`` one of this user alone; one with a number where somebody else has made it before."""
    taken = (folder.with_name(f"{folder.name}-{number}") for number in range(1, NUM_TAKEN))
    for path in (folder, *taken):
        with suppress(FileExistsError):
            path.mkdir(OWN_FOLDER, parents=True)
        found = path.lstat()
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid():
            path.chmod(OWN_FOLDER)
            return path
    raise FileExistsError(errno.EEXIST, "is of another user, as are those with numbers", str(folder))


def _reached(folder: Path) -> Path:
    """Return ``folder``, or a link to it from a short place where Ray could not use its path.

    Raises OSError where no such link can be made.
    """
    if _is_usable(folder):
        return folder
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:8]
    for place in SHORT:
        with suppress(OSError):
            link = _own(Path(place) / OWN) / name
            with suppress(FileExistsError):
                link.symlink_to(folder)
            if link.readlink() == folder and _is_usable(link):
                return link
    length = len(os.fsencode(folder)) + IN_FOLDER
    rule = f"a socket in it would have a path of {length} bytes, and {LONGEST} of plain letters are the most"
    raise OSError(errno.ENAMETOOLONG, f"{rule}; no link to it can be made in {', '.join(SHORT)}", str(folder))


def _is_usable(folder: Path) -> bool:
    return len(os.fsencode(folder)) + IN_FOLDER <= LONGEST and PLAIN.fullmatch(str(folder)) is not None


@contextmanager
def _environment(variables: Mapping[str, str | None]) -> Iterator[None]:
    """Set the variables for the block, or take them away where they are None."""
    before = {name: os.environ.get(name) for name in variables}
    try:
        _set(variables)
        yield
    finally:
        _set(before)


def _set(variables: Mapping[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
