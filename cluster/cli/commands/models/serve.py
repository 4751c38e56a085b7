"""Command serve: the champion's predictions over HTTP."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import click

from cluster.cli.commands.shared import Failure, Refusal, find, reading
from cluster.cli.options import SWEEP
from cluster.exit_codes import FINISHED
from cluster.guard import guarded

if TYPE_CHECKING:
    from pathlib import Path

    from tracking.results.stored_model import StoredModel


@click.command()
@SWEEP
@click.option("--port", type=click.IntRange(0, 65535), default=5001, show_default=True, help="0: any free one.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0: all.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes that predict.")
def serve(sweep: str, port: int, host: str, workers: int) -> int:
    """Serve the champion's predictions over HTTP, by MLflow's scoring server.

    It prints a line for curl with a real row. Where the port is taken it is the next free one. Ctrl-C ends it.
    """
    from cluster.models.champion import NoModel, champion_of

    read = reading(find(sweep))
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # else the server would outlive this process
    try:
        with champion_of(read) as stored:
            return _served(stored, read.home.path, (port, host, workers))
    except NoModel as error:
        raise Refusal(str(error)) from error


def _served(stored: StoredModel, folder: Path, how: tuple[int, str, int]) -> int:
    """Serve until the user interrupts, or the server ends by itself."""
    from cluster.models.serving import HERE, curl, serve

    port, host, num_workers = how
    print(f"starting MLflow's scoring server for {stored.uri} ...", flush=True)
    try:
        with guarded():
            server = serve(stored, port, host, folder / "serve.log", num_workers)
    except KeyboardInterrupt:
        print("\nended", flush=True)
        return FINISHED
    except (OSError, ValueError) as error:  # OSError: also a server that died or did not answer
        raise Failure(f"the server does not start: {error}") from error
    try:
        if port and not server.url.endswith(f":{port}"):
            print(f"port {port} is taken")
        if host not in HERE:
            print("whoever reaches this machine can ask it: it knows no passwords")
        print(f"{stored.uri} is served at {server.url}/invocations; a prediction of one row:\n")
        print(curl(server.url, stored.example, folder))
        print("\nCtrl-C ends the server", flush=True)
        server.process.wait()
    except KeyboardInterrupt:
        print("\nended", flush=True)
        return FINISHED
    finally:
        server.stop()
    raise Failure(f"the server ended by itself; see {server.log}")
