"""Tells of a disk without room, wherever the error arose."""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from cluster.sweep.home import SweepHome
from search_spaces.types.driver_errors import NoSpace
from tracking.names import sqlite_path
from tracking.store.open import resolve

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
MIB = 2**20


def is_full(error: BaseException | None) -> bool:
    """Whether the error, or one that led to it, says that a disk or a quota has no room left."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False


def no_space(home: SweepHome) -> NoSpace:
    """Return the error that names the fullest of the sweep's disks, and how to go on."""
    place = min(_places(home), key=lambda path: shutil.disk_usage(path).free)
    free = shutil.disk_usage(place).free / MIB
    return NoSpace(
        f"no space left on the disk of {place} ({free:.0f} MiB free); nothing half written is kept: make room, "
        f"then `paceline resume {home.id}` continues the sweep"
    )


def _places(home: SweepHome) -> Iterator[Path]:
    """Yield the folders that a sweep writes to, on this machine."""
    store = sqlite_path(resolve(home.sweep().tracking.uri))
    for path in (home.path, Path(tempfile.gettempdir()), *([store.parent] if store else [])):
        if path.exists():
            yield path
