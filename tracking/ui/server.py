"""Makes links into MLflow's UI, and starts a lean local server for them. Imports no mlflow."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlencode

from search_spaces.types.files.private_files import private_files
from tracking import names
from tracking.store.moved_file import mend_paths
from tracking.store.open import resolve, sqlite_path
from tracking.store.sqlite import why_off
from tracking.ui.links import TRAINING

DEFAULT_PORT: Final = 5000
NUM_PORTS: Final = 20
"""Ports that are tried, from the wanted one on."""
ANSWER_S: Final = 0.5
"""Seconds in which a server on this machine answers."""
LEAN: Final = {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # 14 processes and 2.3 GB with it, 2 and 0.4 without
    "MLFLOW_DISABLE_TELEMETRY": "true",
}
SAFE: Final = {"PYTHONSAFEPATH": "1", "UVICORN_APP_DIR": sys.prefix}
"""Keeps the server, and the one that it starts in turn, from importing modules of the working folder.

Uvicorn looks first in its folder of apps, which is the working folder by default, and here one without modules.
"""


def leaderboard_url(base: str, experiment_id: str, sweep_id: str) -> str:
    """Return the link to the sweep's leaderboard: trials, best first, with their searched hyperparameters."""
    return _url(base, experiment_id, {"viewStateShareKey": sweep_id})


def charts_url(base: str, experiment_id: str, sweep_id: str) -> str:
    """Return the link to the sweep's charts: learning curves, parallel coordinates and scatter plots."""
    return _url(base, experiment_id, {"viewStateShareKey": sweep_id, "compareRunsMode": "CHART"})


def _url(base: str, experiment_id: str, query: Mapping[str, str]) -> str:
    asked = urlencode(query, quote_via=quote)
    return f"{base.rstrip('/')}/#/experiments/{experiment_id}/runs?{TRAINING}&{asked}"


@dataclass(frozen=True, kw_only=True)
class Server:
    """A local MLflow server: its address, its process (the leader of its process group) and its log file."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def stop(self) -> None:
        """End the server and wait until it has ended, for 10 s; then kill it."""
        self._signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Kill the server and its worker at once."""
        self._signal(signal.SIGKILL)
        self.process.wait()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


def serve(uri: str | None = None, port: int = DEFAULT_PORT, log: Path = Path("mlflow-server.log")) -> Server:
    """Start a lean server for the store at ``uri`` on 127.0.0.1, at the next free port where ``port`` is taken.

    Returns when it answers. Raises ValueError where ``uri`` is a server's, FileNotFoundError without a SQLite file,
    ChildProcessError with the end of the log when the server dies, TimeoutError after 90 s.
    """
    uri = resolve(uri)
    if uri.startswith(("http:", "https:")):
        raise ValueError(f"{uri} is a server already: open it in a browser")
    path = sqlite_path(uri)
    if path is not None and not path.exists():
        raise FileNotFoundError(f"{path}: no MLflow store here yet; run a sweep first, or name it with --tracking")
    if path is not None:
        with suppress(sqlite3.Error):  # the server tells what is wrong with the file
            if why_off(path) is None:
                mend_paths(path)
    port = free_port(port)
    command = [sys.executable, "-m", "mlflow", "server", "--workers", "1"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--serve-artifacts"]
    with private_files(), log.open("wb") as out:
        process = subprocess.Popen(
            command,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, **LEAN, **SAFE, "MLFLOW_BACKEND_STORE_URI": uri},  # a URL may hold a password
            start_new_session=True,
        )
    server = Server(url=f"http://127.0.0.1:{port}", process=process, log=log)
    try:
        wait_for(server)
    except BaseException:
        server.stop()
        raise
    return server


def local_url(experiment_id: str, sweep_id: str, first: int = DEFAULT_PORT) -> str:
    """Return the address at which `paceline ui` shows the sweep on this machine.

    It is that of a running server that knows the sweep, else the one that ``serve`` would take from ``first`` on.
    """
    taken = [port for port in _ports(first) if _probed(port) is None]
    serving = (port for port in taken if serves(f"http://127.0.0.1:{port}", experiment_id, sweep_id))
    free = (port for port in _ports(first) if port not in taken)
    return f"http://127.0.0.1:{next(serving, None) or next(free, first)}"


def serves(url: str, experiment_id: str, sweep_id: str) -> bool:
    """Return whether an MLflow server at ``url`` has the sweep's view in this experiment."""
    asked = f"{url}/api/2.0/mlflow/experiments/get?{urlencode({'experiment_id': experiment_id})}"
    try:
        with urllib.request.urlopen(asked, timeout=ANSWER_S) as answer:
            tags = json.load(answer)["experiment"]["tags"]
    except (OSError, HTTPException, ValueError, LookupError, TypeError):  # another program, or another store
        return False
    return any(tag["key"] == names.SHARED_VIEW + sweep_id for tag in tags)


def _ports(first: int) -> range:
    return range(first, min(first + NUM_PORTS, 65536))


def free_port(first: int) -> int:
    """Return the first free port from ``first`` on, else any free one, as for 0. Raises OSError without one."""
    for port in (*(_ports(first) if first else ()), 0):
        if (found := _probed(port)) is not None:
            return found
    raise OSError("no free port on 127.0.0.1")


def _probed(port: int) -> int | None:
    """Return the port, or for 0 any free one; None where another program has it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return None
        return int(probe.getsockname()[1])


def wait_for(server: Server, path: str = "/health", timeout_s: float = 90.0) -> None:
    """Wait until the server answers at ``path``.

    Raises ChildProcessError with the end of the log where it dies, TimeoutError after ``timeout_s``.
    """
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            tail = server.log.read_text(errors="replace").strip().splitlines()[-5:]
            raise ChildProcessError("\n".join([f"mlflow server ended with {server.process.returncode}:", *tail]))
        try:
            with urllib.request.urlopen(f"{server.url}{path}", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    server.stop()
    raise TimeoutError(f"mlflow server did not answer within {timeout_s:.0f} s; see {server.log}")
