"""Command repair: makes a damaged sweep whole from all that is left of it."""

from __future__ import annotations

import sys

import click

from cluster.cli.commands.shared import Refusal, find, reading, refusing
from cluster.cli.options import SWEEP
from cluster.exit_codes import FINISHED, UNREACHABLE
from cluster.sweep.home import Busy


@click.command()
@SWEEP
def repair(sweep: str) -> int:
    """Make a damaged sweep whole; end its runs that no one drives.

    What its files have lost is taken from their copies, the spool, MLflow and the checkpoints.
    """
    from cluster.driver.repair import repair as mended
    from cluster.terminal.views import QuietView

    home = find(sweep)
    try:
        with refusing():
            told = mended(home, QuietView(sys.stderr))
    except Busy as error:
        raise Refusal(f"{error}; `paceline stop {home.id}` ends it") from error
    does, way = ("show", "shows") if reading(home).complete else ("resume", "continues")
    print(f"sweep {home.id} is whole: `paceline {does} {home.id}` {way} it")
    return FINISHED if told else UNREACHABLE
