"""Has this process find the packages of its sweep's spec, and tells the interpreter that finds them."""

from __future__ import annotations

import importlib
import os
import site
import sys
from collections.abc import Sequence
from pathlib import Path

from search_spaces.types.module_path import PATHS, code_packages
from workloads.users_packages.environment import made


def enter() -> None:
    """Have this process, and those that it starts, import the packages of the sweep that it works for, if any.

    They come before the installed ones and behind Python's own modules. Raises NotInstalled.
    """
    if not (packages := code_packages()):
        return
    folder = made(packages).site_packages
    if folder in sys.path:
        return
    before = list(sys.path)
    site.addsitedir(folder)  # which reads their .pth files
    sys.path[:] = _before_installed(before, [path for path in sys.path if path not in before])
    if given := os.environ.get(PATHS):
        os.environ[PATHS] = os.pathsep.join(_before_installed(given.split(os.pathsep), [folder]))
    importlib.invalidate_caches()


def interpreter() -> str:
    """Return the interpreter of the spec's packages; this process's without any. Raises NotInstalled."""
    packages = code_packages()
    return made(packages).python if packages else sys.executable


def import_path(given: str | None) -> str | None:
    """Return a PYTHONPATH for the ``interpreter``: installed packages of ``given`` come behind the spec's."""
    packages = code_packages()
    if not packages or not given:
        return given
    return os.pathsep.join(_before_installed(given.split(os.pathsep), [made(packages).site_packages]))


def _before_installed(paths: Sequence[str], new: Sequence[str]) -> list[str]:
    """Return ``paths`` with the ``new`` ones before the first folder of installed packages."""
    at = next((i for i, path in enumerate(paths) if Path(path).name.endswith("-packages")), len(paths))
    return [*paths[:at], *new, *paths[at:]]
