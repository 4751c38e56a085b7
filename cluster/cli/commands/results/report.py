"""Command report: draws a sweep as one HTML page."""

from __future__ import annotations

import sys
import time
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cluster.cli.commands.shared import Failure, Refusal, find, print_json, reading
from cluster.cli.options import JSON, SWEEP
from cluster.exit_codes import FINISHED
from cluster.terminal.formatting import count

if TYPE_CHECKING:
    from cluster.report.report import Drawn
    from cluster.sweep.home import SweepHome
    from cluster.sweep.reading import Reading
    from tracking.pages.page import Page

EVERY_S, WORK_SHARE = 10.0, 0.1
"""Seconds between two pages of a running sweep, and the largest share of that time which drawing takes."""


@click.command()
@SWEEP
@click.option("-o", "--output", metavar="FILE", help="Write it there. [default: report.html in the sweep's folder]")
@click.option("open_", "--open", is_flag=True, help="Open it in a browser.")
@click.option("--watch", is_flag=True, help="Write it anew while the sweep runs; the page reloads itself.")
@click.option("png", "--png", metavar="DIR", help="Write each figure to a PNG file in DIR, too.")
@JSON
def report(sweep: str, output: str | None, open_: bool, watch: bool, png: str | None, as_json: bool) -> int:
    """Draw a sweep as one HTML page: final evaluation, history, curves, hyperparameters, time, failures, data.

    The page is one file that needs no network and no other file. A sweep that still runs is drawn as it is now.
    """
    from cluster.report.written import place  # 300 ms

    home = find(sweep)
    path = Path(output).absolute() if output else place(home)
    read, drawn = _written(home, path, watch)
    if not as_json:
        _tell(read, path)
    if open_ and not webbrowser.open(path.as_uri()):
        print(f"no browser opens here: open {path} yourself", file=sys.stderr)
    if watch and read.live:
        read, drawn = _watched(home, path)
    figures = _pngs(drawn.page, Path(png).absolute()) if png else {}
    for name, why in drawn.failed.items():
        print(f"{name} could not be drawn: {why}", file=sys.stderr)
    if as_json:
        print_json(_document(read, path, figures))
    elif png:
        print(f"{count(len(figures), 'figure')} in {png}")
    return FINISHED


def _written(home: SweepHome, path: Path, watch: bool = False) -> tuple[Reading, Drawn]:
    """Write the page, which reloads itself if the sweep runs and is watched. Raises Refusal for a wrong path."""
    from cluster.report.written import is_page, write  # 300 ms

    read = reading(home)
    try:
        if not is_page(path):
            raise Refusal(f"{path} is there already and is no HTML page: name another file with -o")
        return read, write(read, path, reload_s=EVERY_S if watch and read.live else None)
    except OSError as error:
        raise Refusal(f"{path} cannot be written: {error.strerror}; name another file with -o") from error


def _tell(read: Reading, path: Path) -> None:
    """Print the path; on stderr what the page cannot show yet."""
    ended = sum(row.state not in ("running", "paused") for row in read.rows)
    if read.live:
        told = f"the sweep runs: {ended} of {count(read.sweep.trials, 'trial')} ended so far"
        print(f"{told}; --watch writes the page anew until its end", file=sys.stderr)
    elif not ended:
        way = f"`paceline resume {read.home.id}` continues it"
        print(f"no trial has ended, and the page has little to show; {way}", file=sys.stderr)
    print(path)


def _watched(home: SweepHome, path: Path) -> tuple[Reading, Drawn]:
    """Write the page again and again until the sweep ends, or Ctrl-C; the last one does not reload itself."""
    wait_s, live = EVERY_S, True
    try:
        while live:
            time.sleep(wait_s)
            begun = time.monotonic()
            live = _written(home, path, watch=True)[0].live
            wait_s = max(EVERY_S, (time.monotonic() - begun) / WORK_SHARE)
    except KeyboardInterrupt:
        print("\nthe page is no longer refreshed; the sweep continues", file=sys.stderr)
    return _written(home, path)


def _pngs(drawn: Page, folder: Path) -> dict[str, str]:
    """Write each figure of the page; return the paths by name."""
    from tracking.pages.png import NoPng, write_pngs  # 300 ms: kaleido

    named: dict[str, Any] = {}
    for section in drawn.sections:
        for k, figure in enumerate(section.figures, 1):
            named[section.id if len(section.figures) == 1 else f"{section.id}-{k}"] = figure
    try:
        return {path.stem: str(path) for path in write_pngs(named, folder)}
    except NoPng as error:
        raise Failure(str(error)) from error
    except OSError as error:
        raise Refusal(f"--png {folder} cannot be written: {error.strerror}") from error


def _document(read: Reading, path: Path, figures: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {"sweep": read.home.id, "name": read.sweep.name, "state": read.state}
    return {**found, "trials": len(read.rows), "report": str(path), "figures": figures}
