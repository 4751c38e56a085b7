"""Tells a SQLite file that is damaged, which no waiting mends, from one that is locked or away for a moment."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Final

from tracking.store.errors import is_damage
from tracking.store.sqlite import address

LIMIT_S: Final = 0.3
"""Longest search for damage: about 80 MB. A larger file is believed as far as it was read."""
BUSY_S: Final = 0.2


def damage(path: Path) -> str | None:
    """Return what is wrong with the file, in SQLite's words; None where nothing is found, or there is no file."""
    if not path.exists():
        return None
    if not path.is_file():
        return "it is no file"
    try:
        found = _search(path)
    except sqlite3.DatabaseError as error:
        return str(error) if is_damage(error) else None
    # Without the stars it is a value that breaks a rule of its table, which hinders nobody.
    return found.partition("\n")[2] if found.startswith("***") else None


def _search(path: Path) -> str:
    place = address(path, os.access(path.parent, os.W_OK))
    with closing(sqlite3.connect(place, uri=True, timeout=BUSY_S, check_same_thread=False)) as connection:
        timer = threading.Timer(LIMIT_S, connection.interrupt)
        timer.start()
        try:
            return str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
        finally:
            timer.cancel()
            timer.join()
