"""Command serve: the champion's predictions over HTTP."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

import click

from cluster.cli.commands.shared import Failure, Refusal, find, reading, until_ended
from cluster.cli.options import SWEEP
from cluster.exit_codes import FINISHED
from cluster.guard import guarded

if TYPE_CHECKING:
    from pathlib import Path

    from cluster.models.ray_serving import Replicas
    from tracking.results.stored_model import StoredModel


@click.command()
@SWEEP
@click.option("--port", type=click.IntRange(0, 65535), default=5001, show_default=True, help="0: any free one.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0: all.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes that predict.")
@click.option("--ray", is_flag=True, help="Serve by Ray Serve, on the Ray cluster that is up.")
@click.option(
    "--replicas", type=click.IntRange(1, 1024), help="With --ray: replicas, each with one CPU.  [default: 1]"
)
def serve(sweep: str, port: int, host: str, workers: int, ray: bool, replicas: int | None) -> int:
    """Serve the champion's predictions over HTTP, by MLflow's scoring server or by Ray Serve.

    It prints a line for curl with a real row. Where the port is taken it is the next free one. Ctrl-C ends it.
    """
    from cluster.models.champion import NoModel, champion_of
    from cluster.models.ray_serving import Replicas

    if ray and workers > 1:
        raise Refusal("--workers: is of MLflow's scoring server; with --ray it is --replicas N")
    if replicas and not ray:
        raise Refusal("--replicas: is of Ray Serve, and needs --ray; without it --workers N")

    read = reading(find(sweep))
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # else the server would outlive this process
    try:
        with champion_of(read) as stored:
            if ray:
                return _served_by_ray(stored, read.home.path, Replicas(num=replicas or 1, port=port, host=host))
            return _served(stored, read.home.path, (port, host, workers))
    except NoModel as error:
        raise Refusal(str(error)) from error


def _served(stored: StoredModel, folder: Path, how: tuple[int, str, int]) -> int:
    """Serve until the user interrupts, or the server ends by itself."""
    from cluster.models.serving import serve

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
    return until_ended(server, lambda: _told(server.url, port, host, stored, folder))


def _served_by_ray(stored: StoredModel, folder: Path, replicas: Replicas) -> int:
    """Serve by Ray Serve until the user interrupts."""
    from cluster.models.ray_serving import NoCluster, served_by_ray

    which = "1 replica" if replicas.num == 1 else f"{replicas.num} replicas"
    print(f"starting Ray Serve for {stored.uri}: {which} ...", flush=True)
    try:
        with served_by_ray(stored.path, replicas) as url:
            _told(url, replicas.port, replicas.host, stored, folder)
            _wait()
    except KeyboardInterrupt:
        print("\nended", flush=True)
    except NoCluster as error:
        raise Refusal(str(error)) from error
    except (OSError, RuntimeError) as error:
        raise Failure(f"Ray Serve does not serve the model: {error}") from error
    return FINISHED


def _wait() -> None:
    """Wait until the user interrupts."""
    threading.Event().wait()


def _told(url: str, port: int, host: str, stored: StoredModel, folder: Path) -> None:
    """Print where the model is served, and a line that asks it for a prediction."""
    from cluster.models.serving import HERE, curl

    if port and not url.endswith(f":{port}"):
        print(f"port {port} is taken")
    if host not in HERE:
        print("whoever reaches this machine can ask it: it knows no passwords")
    print(f"{stored.uri} is served at {url}/invocations; a prediction of one row:\n")
    print(curl(url, stored.example, folder))
    print("\nCtrl-C ends the server", flush=True)
