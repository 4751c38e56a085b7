"""Package of users' modules whose names are also Python's, an installed package's or Paceline's own.

``users_code.mine`` is ``mine.py`` of the spec's folder. Its imports find that folder's modules first, as those of a
script in a shell do, while libraries and Paceline go on to find theirs: each name is of two modules. Processes that
users' code starts find the same ones, also where they unpickle something: the folder is in the environment.
"""

from __future__ import annotations

import builtins
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from search_spaces.types.module_path import HOME, OURS

FOLDER = "PACELINE_USERS_CODE"
"""Environment variable with the folder."""
_OUR_MODULES = (*OURS, "paceline")
FIRST = {
    *(
        *sys.builtin_module_names,
        "abc",
        "codecs",
        "encodings",
        "genericpath",
        "io",
        "os",
        "posixpath",
        "site",
        "stat",
    ),
    *("__future__", "_collections_abc", "zipimport"),
}
"""Modules that Python has imported before a script begins, so that no file can take their place."""
__path__ = [os.environ[FOLDER]] if os.environ.get(FOLDER) else []


def enter(folder: Path) -> None:
    """Make the folder that of this package; modules of another folder are forgotten."""
    if __path__ != [str(folder)]:
        for name in [name for name in sys.modules if name.startswith(f"{__name__}.")]:
            del sys.modules[name]
        __path__[:] = [str(folder)]
    os.environ[FOLDER] = str(folder)
    importlib.invalidate_caches()


def imported(name: str) -> ModuleType:
    """Import the module of the folder that has this dotted name."""
    return importlib.import_module(f"{__name__}.{name}")


def is_own(name: str, inside: Sequence[str] = ()) -> bool:
    """Whether a dotted name, or one of the names ``inside`` it, is a module of the folder."""
    top, _, rest = name.partition(".")
    if not __path__ or top in FIRST:
        return False
    place = Path(__path__[0], top)
    if top in _OUR_MODULES and _is_same(place, Path(HOME, top)):
        return False
    if rest and top in _OUR_MODULES:
        return _is_module(place.joinpath(*rest.split(".")))
    if _is_module(place):
        return True
    below = place.joinpath(*rest.split(".")) if rest else place  # of a folder without __init__.py
    return _is_module(below) if rest else any(_is_module(below / each) for each in inside)


def _is_module(place: Path) -> bool:
    return place.with_name(f"{place.name}.py").is_file() or (place / "__init__.py").is_file()


def _is_same(one: Path, other: Path) -> bool:
    return one.is_dir() and one.resolve() == other.resolve()


def _import(
    usual: Any,
    name: str,
    given: Mapping[str, Any] | None = None,
    local: Mapping[str, Any] | None = None,
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> Any:
    """Import as ``__import__`` does, for modules of the folder: those of the folder first."""
    if level or not is_own(name, fromlist or ()):
        return usual(name, given, local, fromlist, level)
    full = f"{__name__}.{name}"
    if fromlist:
        return usual(full, given, local, fromlist, 0)
    importlib.import_module(full)
    return sys.modules[f"{__name__}.{name.partition('.')[0]}"]


class _Loader(SourceFileLoader):
    """Loads a module of the folder, whose imports are ``_import``."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the module."""
        own = {**vars(builtins), "__import__": partial(_import, builtins.__import__)}
        module.__dict__["__builtins__"] = own
        super().exec_module(module)


class _Finder:
    """Finds the modules of this package, and has ``_Loader`` load them."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a module below this package; None for all others."""
        if not name.startswith(f"{__name__}."):
            return None
        found = PathFinder.find_spec(name, path, target)
        if found is not None and type(found.loader) is SourceFileLoader:
            found.loader = _Loader(name, str(found.origin))
        return found


sys.meta_path.insert(0, _Finder)
