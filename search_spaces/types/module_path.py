"""The order in which Paceline's processes look for modules: users' folders last, so that they shadow nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

PATHS: Final = "PYTHONPATH"
HOME: Final = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))  # noqa: PTH120 - pathlib costs 5 ms
"""Folder that holds Paceline's packages."""
OURS: Final = ("cluster", "workloads", "search_spaces", "tracking")
"""Paceline's packages."""
FOLDER: Final = "PACELINE_FOLDER"
"""Environment variable of a job with the folder of its spec's file: absolute, or relative to what was sent."""


@dataclass(frozen=True)
class Packages:
    """What users' code needs beside Paceline's packages, the key ``pip``. Without any nothing is installed.

    Requirements are in pip's words, those of local files with absolute paths.

    ``apart`` tells that only processes of their own import them, as those of a script: these may have other
    versions than Paceline's.
    """

    requirements: tuple[str, ...] = ()
    apart: bool = False

    def __bool__(self) -> bool:
        return bool(self.requirements)


NO_PACKAGES = Packages()


class NotInstalled(LookupError):
    """Error: packages of a spec's ``pip`` cannot be installed; the message is one sentence, with pip's reason."""


_own: ContextVar[str | None] = ContextVar("_own", default=None)
_newest: list[str] = []
_own_packages: ContextVar[Packages | None] = ContextVar("_own_packages", default=None)
_newest_packages: list[Packages] = []


def users_folder(folder: Path | str, packages: Packages = NO_PACKAGES) -> str:
    """Make ``folder``, that of a spec, the one in which users' code is looked for, and return it.

    Before it is imported its ``packages`` are. For this thread, and for those that name none themselves.
    """
    _own.set(str(folder))
    _own_packages.set(packages)
    _newest_packages[:] = [packages]
    sys.path[:] = [path for path in sys.path if path not in _newest or path == HOME]
    _newest[:] = [str(folder)]
    working_folder_last()
    return str(folder)


def code_folder() -> str | None:
    """Return the folder in which users' code is; None before ``users_folder``, where it is the working folder."""
    return _own.get() or (_newest[0] if _newest else None)


def code_packages() -> Packages:
    """Return the packages that users' code needs beside Paceline's; none before ``users_folder``."""
    own = _own_packages.get()
    return next(iter(_newest_packages), NO_PACKAGES) if own is None else own


def working_folder_last() -> None:
    """Make this process look for modules in the spec's folder and then in the working folder.

    Python's, installed ones and ours come before them. Processes that this one starts do the same. In Paceline's
    own source tree the order stays as it is.
    """
    if (folder := code_folder()) is not None and os.path.realpath(folder) != HOME:
        sys.path[:] = [*(path for path in sys.path if path != folder), folder]
    try:
        here = os.path.realpath(os.getcwd())  # noqa: PTH109 - pathlib costs 5 ms
    except FileNotFoundError:  # it was removed, and holds no module
        return
    if here == HOME:
        if here not in sys.path:
            sys.path.append(here)
        return
    sys.path[:] = [*(path for path in sys.path if os.path.realpath(path) != here), here]
    if given := os.environ.get(PATHS):
        others = [path for path in given.split(os.pathsep) if path and os.path.realpath(path) != here]
        os.environ[PATHS] = os.pathsep.join(others)


def command(*words: str) -> list[str]:
    """Return the command that runs this Python with ``words`` and without the working folder first on its path."""
    return [sys.executable, "-P", *words]


def environment() -> Mapping[str, str]:
    """Return the variable that makes a process find the modules that this one finds, in the same order."""
    return {PATHS: os.pathsep.join(filter(None, sys.path))}
