"""Tells a SQLite file that is damaged, which no waiting mends, from one that is locked or away for a moment."""

from __future__ import annotations

import os
import re
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
MOST: Final = 100
"""Lines of SQLite's that are read: pages that are never used come last."""


def damage(path: Path) -> str | None:
    """Return what is wrong with the file, in SQLite's words; None where nothing is found, or there is no file."""
    if not path.exists():
        return None
    if not path.is_file():
        return "it is no file"
    try:
        return _search(path)
    except sqlite3.DatabaseError as error:
        return str(error) if is_damage(error) else None


def _search(path: Path) -> str | None:
    place = address(path, os.access(path.parent, os.W_OK))
    with closing(sqlite3.connect(place, uri=True, timeout=BUSY_S, check_same_thread=False)) as connection:
        timer = threading.Timer(LIMIT_S, connection.interrupt)
        timer.start()
        try:
            rows = connection.execute(f"PRAGMA quick_check({MOST})").fetchall()
        finally:
            timer.cancel()
            timer.join()
    # A row without the stars is a value that breaks a rule of its table, which hinders nobody.
    lines = (line for (row,) in rows if row.startswith("***") for line in row.splitlines()[1:])
    return next((line for line in lines if not _is_leaked(line)), None)


def _is_leaked(line: str) -> bool:
    """Whether it tells of pages that nothing uses, and no more: SQLite reads and writes such a file as ever."""
    if found := re.search(r"\bfreelist: size is (\d+) but should be (\d+)$", line, re.IGNORECASE):
        return int(found[1]) > int(found[2])  # where fewer are free than counted, a write fails
    return re.fullmatch(r"Page \d+(:| is) never used", line) is not None
