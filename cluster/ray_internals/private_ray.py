"""Keeps a local Ray to its user: nobody else of the machine or its network reaches its ports, sockets and files.

By itself Ray listens on all addresses, writes its token where others may read it, and lets everyone write to its
session's folder, in which its sockets lie.
"""

from __future__ import annotations

import os
import secrets
import stat
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from cluster.ray_internals.node_options import node_options
from search_spaces.types.driver_errors import NoRay
from search_spaces.types.files.private_files import OWN_FOLDER
from search_spaces.types.module_path import environment

LOOPBACK = "127.0.0.1"
MODE, TOKEN = "RAY_AUTH_MODE", "RAY_AUTH_TOKEN"
FOLDER = "RAY_TMPDIR"
SHORT = "/tmp"
"""Folder that is taken where a path of sockets in TMPDIR would be too long."""
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
        yield folder
        for opened in (folder, *folder.glob(f"session_*_{os.getpid()}")):  # by Ray, where one has started
            with suppress(FileNotFoundError):
                opened.chmod(OWN_FOLDER)


def forget_token() -> None:
    """Have Ray read token and mode anew: a process keeps those of its first Ray, and asks the next one for them."""
    from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined] # in Cython

    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()


def sessions() -> Path:
    """Make and return the folder for the sessions of this user's local Rays. Raises NoRay where there is none."""
    told = []
    for place in _places():
        folder = place.absolute() / f"paceline-{os.getuid()}"
        if (length := len(os.fsencode(folder)) + IN_FOLDER) > LONGEST:
            told.append(f"a socket in {place} would have a path of {length} bytes, and {LONGEST} is the most")
            continue
        try:
            return _own(folder) / INSIDE
        except OSError as error:
            told.append(f"{folder}: {error.strerror}")
    raise NoRay(
        f"{'; '.join(told)}: set {FOLDER} to a folder with a short path, on a local disk, that you can write"
    )


def _places() -> list[Path]:
    if given := os.environ.get(FOLDER):
        return [Path(given)]
    with suppress(FileNotFoundError):  # no folder for temporary files can be written
        return list(dict.fromkeys([Path(tempfile.gettempdir()), Path(SHORT)]))
    return [Path(SHORT)]


def _own(folder: Path) -> Path:
    """Make ``folder`` one of this user alone; another one where somebody else has made it before."""
    folder.mkdir(OWN_FOLDER, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        return Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=folder.parent))
    folder.chmod(OWN_FOLDER)
    return folder


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
