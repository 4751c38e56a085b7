"""Tells a SQLite store whose folder was moved or copied where its artifacts are now: it holds absolute paths."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from tracking.names import artifact_folder

PLACES: Final = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
)
"""Tables and columns with paths of artifacts."""


def mend_paths(path: Path) -> None:
    """Have the store at ``path`` name the folders of artifacts beside it, where it names those of an old place.

    Only experiments whose folder is beside the file are changed: others may keep their artifacts elsewhere, and so
    do those with an address (``s3://...``) of the same end.
    """
    with closing(sqlite3.connect(path, timeout=20)) as connection, connection:
        for name, old in connection.execute("SELECT name, artifact_location FROM experiments").fetchall():
            here = artifact_folder(path.absolute(), name)
            is_like = Path(old).is_absolute() and Path(old).parts[-2:] == here.parts[-2:]
            if is_like and here.is_dir() and not _same(old, here):
                for table, column in PLACES:
                    _mend(connection, table, column, (old, str(here)))


def beside(path: Path, named: Path) -> Path:
    """Return the folder of a run's artifacts, which the store at ``path`` names, as it is reached from here.

    While a sweep writes, another machine that sees the store at another place may have it name those of there.
    """
    here = path.absolute().parent.joinpath(*named.parts[-4:])
    is_elsewhere = named.parts[-4:-3] == ("mlruns",) and not named.parents[1].exists()
    return here if is_elsewhere and here.parents[1].is_dir() else named


def _mend(connection: sqlite3.Connection, table: str, column: str, moved: tuple[str, str]) -> None:
    old, here = moved
    connection.execute(
        f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column} || '/', 1, ?) = ?",
        (here, len(old) + 1, len(old) + 1, f"{old}/"),
    )


def _same(old: str, here: Path) -> bool:
    return Path(old) == here or (Path(old).exists() and here.samefile(old))
