"""Prints one trial: `paceline show ID TRIAL`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cluster.cli.commands.shared import Refusal, print_json, print_lines
from cluster.exit_codes import FINISHED
from cluster.sweep.home import SweepHome

if TYPE_CHECKING:
    from cluster.sweep.reading import Reading


def is_trial(word: str) -> bool:
    """Return whether a word in the place of a sweep is a trial of the newest one: an ID has no t."""
    return re.fullmatch(r"t\d+", word) is not None and not SweepHome.named(word)


def show_trial(read: Reading, trial: str, as_json: bool) -> int:
    """Print all that is known of a trial, or its JSON document. Raises Refusal where there is no such trial."""
    from cluster.sweep.comparing.one_trial import row_of, trial_of  # 60 ms
    from cluster.terminal.comparing.one_trial import lines  # 60 ms: rich

    try:
        row = row_of(read, trial)
    except LookupError as error:
        raise Refusal(str(error.args[0])) from error
    document = trial_of(read, row)
    if as_json:
        print_json(document)
        return FINISHED
    print_lines(lines(document))
    return FINISHED
