"""Serves a registered model by MLflow's scoring server, in processes of its own."""

from __future__ import annotations

import json
import math
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from search_spaces.types.files.private_files import private_files
from search_spaces.types.module_path import environment
from tracking.ui.server import LEAN, SAFE, Server, free_port, wait_for

if TYPE_CHECKING:
    from tracking.results.stored_model import StoredModel

DEFAULT_PORT: Final = 5001
"""Port of the server, or the next free one; MLflow's UI has 5000."""
LONGEST: Final = 2_000
"""Characters of an example that are printed; a longer one is put into a file."""
HERE: Final = ("127.0.0.1", "localhost", "::1")


def serve(stored: StoredModel, port: int, host: str, log: Path, num_workers: int = 1) -> Server:
    """Start MLflow's scoring server for the model's files on ``host``, at the next port where ``port`` is taken.

    Returns when it answers. Raises OSError where no port is free or the server does not answer, ChildProcessError
    with the end of the log where it dies.
    """
    port = free_port(port)
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", str(stored.path), "--env-manager", "local"]
    command += ["-h", host, "-p", str(port), "--workers", str(num_workers)]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    with private_files(), log.open("wb") as out:
        process = subprocess.Popen(
            command,
            stdout=out,
            stderr=subprocess.STDOUT,
            # MLflow starts uvicorn by its name, and the model is loaded by what this process can import.
            env={**os.environ, **environment(), **LEAN, **SAFE, "PATH": path},
            start_new_session=True,
        )
    shown = "127.0.0.1" if host in ("0.0.0.0", *HERE) else host
    server = Server(url=f"http://{shown}:{port}", process=process, log=log)
    try:
        wait_for(server, "/ping")
    except BaseException:
        server.stop()
        raise
    return server


def one_row(request: str) -> str:
    """Return a request of MLflow's scoring server with the first row alone, as JSON."""
    asked: dict[str, Any] = json.loads(request)
    for name, value in asked.items():
        if name == "dataframe_split":
            asked[name] = {key: rows[:1] if key in ("data", "index") else rows for key, rows in value.items()}
        elif isinstance(value, list):
            asked[name] = value[:1]
    return json.dumps(_plain(asked), allow_nan=False)


def _plain(value: Any) -> Any:
    """Return a JSON value with null for NaN, which JSON lacks."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def curl(url: str, request: str | None, folder: Path) -> str:
    """Return a line for a shell that asks for the prediction of one example row.

    A long example goes into the file ``example.json`` of ``folder``.
    """
    if request is None:
        return f"curl -H 'Content-Type: application/json' -d @rows.json {url}/invocations"
    body = one_row(request)
    if len(body) > LONGEST:
        file = folder / "example.json"
        file.write_text(body, encoding="utf-8")
        body = f"@{file}"
    return f"curl -H 'Content-Type: application/json' -d {shlex.quote(body)} {url}/invocations"
