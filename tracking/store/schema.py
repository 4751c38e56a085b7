"""Tells a SQLite store whose schema the installed MLflow cannot use: an older or a newer MLflow made it."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from search_spaces.types.error_text import first_line
from tracking.store.damaged_file import BUSY_S
from tracking.store.errors import Away, Refused
from tracking.store.open import open_mlflow, template
from tracking.store.sqlite import REVISIONS, connect, revision


def refusal(path: Path) -> str | None:
    """Return what MLflow says of the store's schema; None where it can use it, or where there is no store.

    Takes 2 s where it has to be asked: for schemas that are neither known here nor the installed MLflow's own.
    """
    with suppress(sqlite3.Error):  # it is locked, and can be read at another time
        return _refusal(path)
    return None


def _refusal(path: Path) -> str | None:
    found = revision(path, BUSY_S) if path.is_file() and path.stat().st_size else None
    if found is None or found in REVISIONS:
        return None
    with suppress(OSError, RuntimeError, Away, Refused, sqlite3.Error):  # there is no template to compare with
        if found == revision(template()):
            return None
    with TemporaryDirectory() as folder:
        empty = Path(folder) / path.name
        _copy_schema(path, empty, found)
        try:
            open_mlflow(f"sqlite:///{empty}").client.search_experiments(max_results=1)
        except Exception as error:  # noqa: BLE001 - of MLflow's, SQLAlchemy's or Alembic's, the sweep would get it
            return first_line(error).partition(". ")[0]
    return None


def _copy_schema(path: Path, empty: Path, found: str) -> None:
    """Make a store without contents, so that what MLflow does as it opens it is done to no one's results."""
    own = "sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
    with closing(connect(path)) as source, closing(sqlite3.connect(empty)) as target, target:
        for (sql,) in source.execute(f"SELECT sql FROM sqlite_master WHERE {own} ORDER BY type = 'table' DESC"):
            target.execute(sql)
        target.execute("INSERT INTO alembic_version VALUES (?)", [found])
