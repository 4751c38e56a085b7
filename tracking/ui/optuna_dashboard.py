"""Serves a sweep's study by optuna-dashboard on this machine, which can only look at it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from tracking.ui.server import free_port

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from optuna.storages import BaseStorage

DEFAULT_PORT: Final = 8080
LACKING: Final = "optuna-dashboard is not installed: pip install 'paceline[dashboard]'"
READING: Final = ("GET", "HEAD")
REFUSED: Final = "Paceline serves the study read-only: it is not changed here."
READ_ONLY: Final = "-c default_transaction_read_only=on"
"""Option of a connection to PostgreSQL, with which the database refuses every change."""


@dataclass(frozen=True)
class Dashboard:
    """A server of optuna-dashboard that is ready to answer: the link to the sweep's study, and the server."""

    url: str
    server: WSGIServer

    def run(self) -> None:
        """Answer until the server is shut down or the process is interrupted."""
        with self.server:
            self.server.serve_forever(poll_interval=0.2)


def dashboard(place: Path | str, name: str, port: int = DEFAULT_PORT) -> Dashboard:
    """Make the server for the study ``name`` in a journal (a Path) or in PostgreSQL (a URL), on 127.0.0.1.

    Where ``port`` is taken it has the next free one. Neither the page nor the storage behind it can change the
    study, so that a driver may write it meanwhile: what it adds is shown. Raises ModuleNotFoundError without
    optuna-dashboard, FileNotFoundError without a journal, LookupError where the storage has no such study,
    ValueError for a journal with lines that Optuna cannot read, StudyAway for a database.
    """
    if find_spec("optuna_dashboard") is None:
        raise ModuleNotFoundError(LACKING)
    from optuna_dashboard import wsgi

    storage = _journal(place) if isinstance(place, Path) else _database(place)
    try:
        study_id = storage.get_study_id_from_name(name)
    except KeyError as error:
        raise LookupError(f"no study {name!r} here yet: the sweep has not begun") from error
    app = looking_only(wsgi(storage))
    server = make_server("127.0.0.1", free_port(port), app, _Threads, _Silent)
    return Dashboard(f"http://127.0.0.1:{server.server_port}/dashboard/studies/{study_id}", server)


def _journal(path: Path) -> BaseStorage:
    """Return Optuna's storage of the journal, which refuses to append to it."""
    from optuna.storages import JournalStorage
    from optuna.storages.journal import BaseJournalBackend, JournalFileBackend

    if not path.exists():  # Optuna would make one
        raise FileNotFoundError(f"{path}: no journal here")

    class ReadOnly(BaseJournalBackend):
        """A journal's file, read by Optuna and never written: the driver alone does, under its own seals."""

        def __init__(self) -> None:
            self._file = JournalFileBackend(str(path))

        def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
            """Yield the operations from this number on."""
            yield from self._file.read_logs(log_number_from)

        def append_logs(self, logs: list[dict[str, Any]]) -> None:
            """Refuse. Raises PermissionError."""
            raise PermissionError(REFUSED)

    return JournalStorage(ReadOnly())


def _database(url: str) -> BaseStorage:
    """Return Optuna's storage of a database that refuses all changes over this connection."""
    import sqlalchemy
    from optuna.storages import RDBStorage

    from search_spaces.study.postgres import names  # 320 ms: SQLAlchemy and Optuna
    from search_spaces.study.postgres_url import driver_url  # 150 ms: SQLAlchemy

    if not names(url):  # also tells, with a remedy, why a database cannot be reached
        raise LookupError("no study in the database yet: the sweep has not begun")
    settings = {
        "poolclass": sqlalchemy.NullPool,
        "hide_parameters": True,
        "connect_args": {"options": READ_ONLY, "application_name": "paceline ui --optuna"},
    }
    template = driver_url(url).replace("{", "{{").replace("}", "}}")  # Optuna formats it
    return RDBStorage(template, settings, skip_table_creation=True, skip_compatibility_check=True)


def looking_only(app: WSGIApplication) -> WSGIApplication:
    """Return the app without its ways to change anything: all but GET and HEAD is answered by 405 and a reason."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] in READING:
            return app(environ, start_response)
        start_response("405 Method Not Allowed", [("Content-Type", "application/json"), ("Allow", "GET, HEAD")])
        return [json.dumps({"reason": REFUSED}).encode()]

    return answer


class _Threads(ThreadingMixIn, WSGIServer):
    """A server that answers several requests at once, so that a page's long figure holds up no other."""

    daemon_threads = True


class _Silent(WSGIRequestHandler):
    """A handler that prints no line a request."""

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""
