"""Opens MLflow's store: finds its URI, creates a SQLite file where there is none, keeps MLflow quiet."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import zlib
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Final

from search_spaces.types.files.private_files import private_files
from tracking import names
from tracking.names import sqlite_path
from tracking.store.errors import Away, Refused, sorted_trouble
from tracking.store.mlflow_client import MlflowStore
from tracking.store.moved_file import mend_paths
from tracking.store.records import PARENT, Place, SweepHeader, opening
from tracking.store.sqlite import SqliteStore, why_off

__all__ = ["DEFAULT_URI", "Store", "open_mlflow", "open_store", "open_sweep", "resolve", "sqlite_path", "why_slow"]

Store = MlflowStore | SqliteStore
DEFAULT_URI: Final = "sqlite:///mlflow.db"
QUIET: Final = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",  # our caller reports a failure, once
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",  # the writer itself outlasts an outage
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}


def resolve(uri: str | None = None) -> str:
    """Return ``uri``, else ``MLFLOW_TRACKING_URI``, else ``DEFAULT_URI``; a SQLite file's path is made absolute."""
    uri = uri or os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_URI
    path = sqlite_path(uri)
    return uri if path is None else f"sqlite:///{path.absolute()}"


def open_store(uri: str | None = None) -> Store:
    """Open the store at ``resolve(uri)`` by SQL if its schema is known, else by MLflow's client.

    Creates a missing SQLite file. Takes 0.1 s by SQL, 2 s by MLflow's client (its import). Raises Refused or Away.
    """
    path = sqlite_path(resolve(uri))
    if path is None:
        return open_mlflow(uri)
    with sorted_trouble(), private_files():
        path.parent.mkdir(parents=True, exist_ok=True)
        if why_off(path) is None:
            if not path.exists() or path.stat().st_size == 0:
                _create(path)
            with closing(sqlite3.connect(path, timeout=20)) as connection:
                connection.execute("PRAGMA journal_mode=WAL")
        if known := why_off(path) is None:
            mend_paths(path)
    return SqliteStore(path) if known else open_mlflow(uri)


def why_slow(uri: str | None = None) -> str | None:
    """Return why a SQLite file at ``uri`` is not written by SQL; None where it is, and for other stores."""
    path = sqlite_path(resolve(uri))
    return None if path is None else why_off(path)


def open_mlflow(uri: str | None = None) -> MlflowStore:
    """Open the store at ``resolve(uri)`` by MLflow's client. Raises Refused or Away."""
    for variable, value in QUIET.items():
        os.environ.setdefault(variable, value)
    return MlflowStore(resolve(uri))


def open_sweep(store: Store, header: SweepHeader, run_ids: dict[str, str]) -> Place:
    """Return the sweep's place in the store; creates its experiment and its own run where missing.

    ``run_ids`` is filled anew with the IDs of all of the sweep's runs, by key.
    """
    place = store.place(header)
    found = store.found(place, header.sweep_id)
    run_ids.clear()
    run_ids.update({run.key: run.run_id for run in reversed(found)})  # the oldest of twins wins
    opened = opening(header, place.user)
    old = next((run for run in found if run.key == PARENT), None)
    if old is not None:
        opened.tags.clear()  # the stored ones are newer: the sweep is no longer at its start
        opened.params = {key: value for key, value in opened.params.items() if key not in old.params}
    store.send(place, [opened], run_ids)
    return place


def _create(path: Path) -> None:
    """Create a store by copying one that MLflow made once on this machine: its migrations take 4 s, a copy none."""
    try:
        made = template()
    except (OSError, RuntimeError, Away, Refused):  # no home to keep it in: MLflow makes this one by itself
        open_mlflow(f"sqlite:///{path}")
        return
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        copy = Path(folder) / path.name
        shutil.copyfile(made, copy)
        with closing(sqlite3.connect(copy)) as connection, connection:
            location = str(names.artifact_folder(path, "0"))
            connection.execute("UPDATE experiments SET artifact_location = ?", [location])
        if not path.exists() or path.stat().st_size == 0:
            for of_another in (f"{path}-wal", f"{path}-shm"):  # SQLite would read them into the new file
                Path(of_another).unlink(missing_ok=True)
            copy.rename(path)


def template() -> Path:
    """Return an empty store that the installed MLflow made, once on this machine: that takes 4 s.

    Raises OSError or RuntimeError where there is no home to keep it in, Away or Refused where MLflow makes none.
    """
    return _template() or _make_template()


def _folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "paceline"


def _name(check_sum: str) -> str:
    return f"mlflow-{version('mlflow')}-{check_sum}.db"


def _template() -> Path | None:
    """Return a store that MLflow made, None without one; its name holds its check sum, and a bad one goes."""
    for found in _folder().glob(_name("*")):
        if found.name == _name(_check_sum(found)):
            return found
        found.unlink(missing_ok=True)
    return None


def _check_sum(path: Path) -> str:
    return f"{zlib.crc32(path.read_bytes()):08x}"


def _make_template() -> Path:
    _folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_folder()) as folder:
        made = Path(folder) / "mlflow.db"
        store = open_mlflow(f"sqlite:///{made}")
        with sorted_trouble():
            store.client.search_experiments(max_results=1)
            store.client._tracking_client.store._dispose_engine()
        with closing(sqlite3.connect(made)) as connection:
            if connection.execute("PRAGMA integrity_check").fetchone() != ("ok",):
                raise Away(f"{made}: MLflow made a broken store")
        return made.rename(_folder() / _name(_check_sum(made)))
