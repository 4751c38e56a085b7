"""Command compare: champions of sweeps, or the values of a hyperparameter within one sweep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cluster.cli.commands.shared import Refusal, find, print_json, print_lines, reading
from cluster.cli.options import JSON
from cluster.exit_codes import FINISHED
from cluster.sweep.home import SweepHome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.text import Text

    from cluster.sweep.reading import Reading


@click.command()
@click.argument("first", metavar="ID")
@click.argument("others", metavar="ID...|PARAMETER", nargs=-1, required=True)
@JSON
def compare(first: str, others: tuple[str, ...], as_json: bool) -> int:
    """Compare the champions of sweeps, or within one sweep the values of a hyperparameter.

    Champions are compared on the test rows that their sweeps share, paired by row and seed. Where the interval of
    the difference includes 0 there is no winner.
    """
    read = reading(find(first))
    if len(others) == 1 and (name := _parameter(read, others[0])) is not None:
        from cluster.sweep.comparing.by_parameter import by_parameter
        from cluster.terminal.comparing.comparison import parameter_lines

        found = by_parameter(read, name)
        return _told(found, parameter_lines(found), as_json)
    from cluster.driver.comparing.between_sweeps import NotCompared, compared
    from cluster.terminal.comparing.comparison import sweep_lines

    reads = [read, *(reading(find(other)) for other in others)]
    if len({one.home.id for one in reads}) < len(reads):
        raise Refusal("a sweep is compared with another one: name two, or a hyperparameter of one")
    try:
        found = compared(reads)
    except NotCompared as error:
        raise Refusal(str(error)) from error
    return _told(found, sweep_lines(found), as_json)


def _parameter(read: Reading, word: str) -> str | None:
    """Return the searched hyperparameter of this name; None for a sweep's. Raises Refusal where it is neither's."""
    searched = read.sweep.searched
    if word in searched:
        return word
    try:
        SweepHome.find(word)
    except LookupError as error:
        from search_spaces.types.faults import nearest

        if word in read.sweep.constants:
            raise Refusal(f"{word} has one value in sweep {read.home.id}: {read.sweep.constants[word]}") from error
        near = f", did you mean {close!r}?" if (close := nearest(word, searched)) else ""
        known = ", ".join(searched)
        raise Refusal(
            f"{error.args[0]}; nor is {word!r} a hyperparameter that {read.home.id} searches{near} ({known})"
        ) from error
    return None


def _told(found: dict[str, Any], lines: Sequence[Text], as_json: bool) -> int:
    if as_json:
        print_json(found)
        return FINISHED
    print_lines(lines)
    return FINISHED
