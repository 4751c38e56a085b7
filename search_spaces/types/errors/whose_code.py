"""Whose a file of code is: Paceline's, Python's, an installed package's, or a user's."""

from __future__ import annotations

import site
import sysconfig
from pathlib import Path

from search_spaces.types.module_path import HOME, OURS

_EXAMPLES = f"{HOME}/workloads/examples/"
_OUR_FILES = (*(f"{HOME}/{name}/" for name in OURS), f"{HOME}/paceline.py")
_LIBRARIES = (
    *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
    *site.getsitepackages(),
    site.getusersitepackages(),
    "<",
)
"""Beginnings of the names of installed files; code without a file is in ``<string>`` or the like."""
_PACKAGES = {"site-packages", "dist-packages"}
"""Folders of packages, wherever PYTHONPATH leads to them."""


def is_installed(file: str | Path) -> bool:
    """Return whether a file, or a folder, is Python's or an installed package's."""
    return str(file).startswith(_LIBRARIES) or not _PACKAGES.isdisjoint(Path(file).parts)


def is_users(file: str) -> bool:
    """Return whether a file of code is a user's: neither Paceline's, but for the examples, nor installed."""
    return file.startswith(_EXAMPLES) or not (file.startswith(_OUR_FILES) or is_installed(file))
