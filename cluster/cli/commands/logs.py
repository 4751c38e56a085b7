"""Command logs: what trials printed, and a submitted sweep's own log."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from cluster.cli.commands.on_target import chosen, follow_driver, telling
from cluster.cli.commands.shared import find
from cluster.cli.options import ON, SWEEP
from cluster.exit_codes import FINISHED, INTERRUPTED
from cluster.sweep.home import SweepHome
from cluster.targets.contract import LOCAL
from cluster.targets.place import place
from search_spaces.types.trial_names import trial_name

if TYPE_CHECKING:
    from cluster.targets.contract import Target

POLL_S = 5.0
"""Seconds between two looks at the log of a trial on a cluster: each is a command there."""


@click.command()
@SWEEP
@click.argument("trial", metavar="[TRIAL]", required=False)
@ON
@click.option("-f", "--follow", is_flag=True, help="Until the sweep ends; Ctrl-C leaves it running.")
@click.option("as_json", "--json", is_flag=True, help="A JSON document a line.")
def logs(sweep: str, trial: str | None, on: str | None, follow: bool, as_json: bool) -> int:
    """Show what trials printed, or a submitted sweep's log.

    Without TRIAL the log of a sweep that was submitted, and of any other what all its trials printed, each line
    behind the trial's name.
    """
    from cluster.sweep.files.trial_logs import printed, trial_number

    if trial is None and re.fullmatch(r"t\d+", sweep) and not SweepHome.named(sweep):
        sweep, trial = "last", sweep  # an ID has no t
    with telling():
        number = None if trial is None else trial_number(trial)
        try:
            sweep_id, target = place(sweep, chosen(on))
        except LookupError:
            sweep_id, target = find(sweep).id, None  # one that exists in the database alone gets a home here
        if target is None or str(target) == LOCAL:
            home = SweepHome.find(sweep_id)
            if number is not None or not home.driver_log.exists():
                return _shown(printed(home, number, follow), as_json, number)
        assert target is not None
        if number is not None:
            return _shown(_there(target, sweep_id, number, follow), as_json, number)
        if follow and not as_json:
            return follow_driver(target, sweep_id)
        return _shown(target.logs(sweep_id, follow), as_json)


def _shown(lines: Iterator[str], as_json: bool, number: int | None = None) -> int:
    """Print the lines, of trial ``number`` or of several; as JSON each with its trial, rank and text."""
    try:
        for line in lines:
            print(_as_json(line, number) if as_json else line, flush=True)
    except KeyboardInterrupt:
        return INTERRUPTED
    return FINISHED


def _as_json(line: str, number: int | None) -> str:
    """Return a line of a log as JSON; ``trial`` is null in a driver's log, ``rank`` with one process a trial."""
    told = re.match(r"(t\d+) (?:rank (\d+) )?\| |rank (\d+) \| ", line)
    trial, of_all, of_one = told.groups() if told else (None, None, None)
    rank, text = of_all or of_one, line[told.end() :] if told else line
    trial = trial if number is None else trial_name(number)
    return json.dumps({"trial": trial, "rank": rank and int(rank), "text": text}, ensure_ascii=False)


def _there(target: Target, sweep_id: str, trial: int, follow: bool) -> Iterator[str]:
    """Yield the lines that a trial printed on a cluster; with ``follow`` until the sweep ends."""
    told = 0
    while True:
        ended = not follow or target.status(sweep_id).ended
        lines = target.steer(sweep_id, ("logs", (str(trial),)))
        yield from lines[told:]
        told = len(lines)
        if ended:
            return
        time.sleep(POLL_S)
