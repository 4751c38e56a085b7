"""Users' modules that a check has imported into this process, which lives on while their files change."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from search_spaces.types.errors.whose_code import is_installed
from search_spaces.types.module_path import HOME

_imported: dict[str, tuple[Path, int]] = {}
"""File of each such module, and when it was changed."""


@contextmanager
def own_modules(folder: Path) -> Iterator[None]:
    """Have the modules of a spec's ``folder`` imported anew in the block where one was changed since the last time.

    So are those of another folder. What the caller has imported itself stays as it is.
    """
    if any(not _is_same(file, changed_ns, folder) for file, changed_ns in _imported.values()):
        for name in _imported:
            sys.modules.pop(name, None)
        _imported.clear()
        importlib.invalidate_caches()
    before = set(sys.modules)
    try:
        yield
    finally:
        for name in sys.modules.keys() - before:
            file = getattr(sys.modules[name], "__file__", None)
            if file and is_own(Path(file), folder):
                _imported[name] = Path(file), Path(file).stat().st_mtime_ns


def _is_same(file: Path, changed_ns: int, folder: Path) -> bool:
    return file.exists() and file.stat().st_mtime_ns == changed_ns and is_own(file, folder)


def is_own(file: Path, folder: Path) -> bool:
    """Whether a module's file is in a folder, and neither ours nor installed."""
    theirs = file.is_relative_to(folder) and not file.is_relative_to(HOME) and not is_installed(file)
    return theirs and file.exists()
