"""Opens MLflow's store: which one, created once, quiet, and with few fsyncs where it is a SQLite file."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any, Final

from tracking.runs import Store
from tracking.trouble import sorted_trouble

DEFAULT_URI: Final = "sqlite:///mlflow.db"
QUIET: Final = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",  # failures are reported by whoever asked, once
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",  # the writer itself outlasts an outage
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}


def resolve(uri: str | None = None) -> str:
    """``uri``, else ``MLFLOW_TRACKING_URI``, else a SQLite file in the working folder; its path made absolute."""
    uri = uri or os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_URI
    path = sqlite_path(uri)
    return uri if path is None else f"sqlite:///{path.absolute()}"


def sqlite_path(uri: str) -> Path | None:
    """The file behind a SQLite URI, None for every other store."""
    return Path(uri.removeprefix("sqlite:///")) if uri.startswith("sqlite:///") else None


def open_store(uri: str | None = None) -> Store:
    """The store at ``uri`` (see ``resolve``); a SQLite file is created, in WAL mode, where there is none.

    Imports MLflow (1.7 s of CPU) and, for a new SQLite file, runs its migrations (0.7 s). Raises Away.
    """
    for variable, value in QUIET.items():
        os.environ.setdefault(variable, value)
    uri = resolve(uri)
    path = sqlite_path(uri)
    with sorted_trouble():
        if path is not None:
            _write_ahead(path)
        from mlflow import MlflowClient

        client = MlflowClient(uri)
        store = client._tracking_client.store
        if path is not None:
            _fewer_fsyncs(store.engine)
    return Store(uri=uri, client=client, backend=store, sqlite_path=path)


def _write_ahead(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=20)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
    finally:
        connection.close()


def _fewer_fsyncs(engine: Any) -> None:
    """In WAL mode NORMAL cannot corrupt the file; a power cut may cost the last transactions."""
    from sqlalchemy import event

    if not event.contains(engine, "connect", _synchronous_normal):
        event.listen(engine, "connect", _synchronous_normal)
        engine.dispose()


def _synchronous_normal(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous=NORMAL")
