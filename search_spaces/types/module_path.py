"""The order in which Paceline's processes look for modules: the working folder last, so that it shadows nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Final

PATHS: Final = "PYTHONPATH"
HOME: Final = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))  # noqa: PTH120 - pathlib costs 5 ms
"""Folder that holds Paceline's packages."""


def working_folder_last() -> None:
    """Make this process look for modules in the working folder too, but behind Python's, installed ones and ours.

    Those that it starts do the same. In Paceline's own source tree the order stays as it is.
    """
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
