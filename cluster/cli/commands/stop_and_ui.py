"""Commands stop and ui."""

from __future__ import annotations

import signal
import sys
import time
import webbrowser
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import click

from cluster.cli.commands.on_target import away, chosen, stop_on
from cluster.cli.commands.shared import Failure, Refusal, find, print_json, reading, refusing, until_ended
from cluster.cli.commands.steer import steer
from cluster.cli.options import JSON, ON, SWEEP
from cluster.exit_codes import FINISHED
from cluster.guard import guarded
from cluster.sweep.home import Busy, SweepHome
from cluster.sweep.shared_storage import given
from cluster.targets.contract import LOCAL
from search_spaces.types.error_text import first_line

PATIENCE_S = 60.0
POLL_S = 0.2


@click.command()
@SWEEP
@click.argument("trials", metavar="[TRIAL]...", nargs=-1)
@click.option("--now", is_flag=True, help="Do not wait for the running epochs to end.")
@ON
@JSON
def stop(sweep: str, trials: tuple[str, ...], now: bool, on: str | None, as_json: bool) -> int:
    """Stop a running sweep, or single trials of it; `resume` continues it.

    Trials are stopped for good, and the sweep continues.
    """
    if trials:
        if as_json:
            raise Refusal("--json: it tells how a whole sweep has ended; leave it out to stop single trials")
        return steer(sweep, on, ("stop", trials))
    if (place := away(sweep, chosen(on))) is not None:
        return stop_on(sweep, place, now, as_json)
    home = find(sweep)
    try:
        asked = home.request_stop(now)
    except Busy as error:
        raise Failure(str(error)) from error
    if not asked:
        if not _told(home):
            raise Failure(f"sweep {home.id} is not running")
        return _stopped(home, "is not running, and MLflow says so now", as_json)
    deadline = time.monotonic() + PATIENCE_S
    while home.driver_pid() is not None:
        if time.monotonic() > deadline:
            raise Failure(f"sweep {home.id} was asked to stop and still is at it; --now does not wait")
        time.sleep(POLL_S)
    _told(home)
    return _stopped(home, "stopped", as_json)


def _stopped(home: SweepHome, how: str, as_json: bool) -> int:
    if as_json:
        print_json({"sweep": home.id, "target": LOCAL, "state": reading(home).state})
    else:
        print(f"sweep {home.id} {how}; `paceline resume {home.id}` continues it")
    return FINISHED


def _told(home: SweepHome) -> bool:
    """Tell MLflow of a driver that was killed; return whether there was anything to tell."""
    from cluster.driver.tell_stopped import tell_stopped
    from cluster.terminal.views import QuietView

    with refusing():
        return tell_stopped(home, QuietView(sys.stderr))


@click.command()
@SWEEP
@click.option("--port", type=click.IntRange(0, 65535), help="[default: that of the sweep's link]")
@click.option("--optuna", is_flag=True, help="optuna-dashboard on the sweep's study instead of MLflow's UI.")
@click.option("open_", "--open", is_flag=True, help="Open the page in a browser.")
def ui(sweep: str, port: int | None, optuna: bool, open_: bool) -> int:
    """Serve MLflow's UI; print the link to a sweep."""
    from tracking.ui.server import serve

    home = find(sweep)
    if optuna:
        return _optuna(home, port, open_)
    tracking = reading(home).facts.tracking
    if "uri" not in tracking:
        raise Failure(f"sweep {home.id} has written nothing to MLflow yet")
    if tracking["uri"].startswith(("http:", "https:")):
        _print_links(tracking["uri"], tracking, home.id, open_)
        return FINISHED
    uri = given(tracking["uri"], "MLFLOW_TRACKING_URI")
    print("starting MLflow's UI ...", flush=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # else the server would outlive this process
    try:
        with guarded():
            server = serve(uri, _port(tracking) if port is None else port, home.path / "ui.log")
    except (OSError, ValueError) as error:  # OSError: also a server that died or did not answer
        raise Failure(f"the UI does not start: {error}") from error

    def tell() -> None:
        _print_links(server.url, tracking, home.id, open_)
        print("Ctrl-C ends the server", flush=True)

    return until_ended(server, tell)


def _optuna(home: SweepHome, port: int | None, open_: bool) -> int:
    """Serve the sweep's study by optuna-dashboard until Ctrl-C."""
    from tracking.ui.optuna_dashboard import DEFAULT_PORT, dashboard

    print("starting optuna-dashboard ...", flush=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        served = dashboard(home.study, home.id, DEFAULT_PORT if port is None else port)
    except KeyboardInterrupt:
        print("\nended", flush=True)
        return FINISHED
    except ImportError as error:
        raise Failure(str(error)) from error
    except (OSError, ValueError, LookupError) as error:
        raise Failure(f"optuna-dashboard does not start: {first_line(error)}") from error
    print(f"study  {served.url}")
    print("it shows the study and changes nothing; Ctrl-C ends the server", flush=True)
    if open_:
        _open(served.url)
    with suppress(KeyboardInterrupt):
        served.run()
    print("\nended", flush=True)
    return FINISHED


def _port(tracking: Mapping[str, Any]) -> int:
    """Return the port of the sweep's link, so that it opens; 5000 where the link is none of this machine's."""
    from tracking.ui.server import DEFAULT_PORT

    link = urlsplit(str(tracking.get("url", "")))
    return link.port if link.hostname == "127.0.0.1" and link.port else DEFAULT_PORT


def _print_links(base: str, tracking: Mapping[str, Any], sweep_id: str, open_: bool) -> None:
    from tracking.ui.server import charts_url, leaderboard_url

    experiment = str(tracking["experiment_id"])
    board = leaderboard_url(base, experiment, sweep_id)
    print(f"leaderboard  {board}")
    print(f"charts       {charts_url(base, experiment, sweep_id)}", flush=True)
    if open_:
        _open(board)


def _open(url: str) -> None:
    if not webbrowser.open(url):
        print("no browser is to be found here: open the link by hand", file=sys.stderr)
