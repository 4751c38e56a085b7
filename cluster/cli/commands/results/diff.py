"""Command diff: what differs between two trials."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cluster.cli.commands.results.one_trial import is_trial
from cluster.cli.commands.shared import Refusal, find, print_json, print_lines, reading
from cluster.cli.options import JSON
from cluster.exit_codes import FINISHED

if TYPE_CHECKING:
    from cluster.sweep.reading import Reading
    from cluster.terminal.records import Row


@click.command()
@click.argument("first", metavar="ID:TRIAL")
@click.argument("second", metavar="ID:TRIAL")
@JSON
def diff(first: str, second: str, as_json: bool) -> int:
    """Show what differs between two trials, of one sweep or of two.

    ID:TRIAL may also be a trial of the newest sweep, as t023, or an ID alone: its champion, or its best trial.
    """
    from cluster.sweep.comparing.difference import difference  # 60 ms
    from cluster.terminal.comparing.difference import lines  # 60 ms: rich

    known: dict[str, Reading] = {}
    document = difference(_side(first, known), _side(second, known))
    if as_json:
        print_json(document)
        return FINISHED
    print_lines(lines(document))
    return FINISHED


def _side(place: str, known: dict[str, Reading]) -> tuple[Reading, Row]:
    """Return the sweep and the row of a trial. Raises Refusal where there is no such sweep, or trial."""
    from cluster.sweep.comparing.one_trial import row_of

    sweep, colon, trial = place.rpartition(":")
    if not colon:
        sweep, trial = ("last", place) if is_trial(place) else (place, "")
    home = find(sweep or "last")
    read = known[home.id] = known.get(home.id) or reading(home)
    if not trial:
        if read.best is None:
            raise Refusal(f"sweep {home.id} has no trial with a value yet: name one, as {home.id}:t000")
        return read, read.best
    try:
        return read, row_of(read, trial)
    except LookupError as error:
        raise Refusal(str(error.args[0])) from error
