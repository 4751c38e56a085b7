"""Finds an earlier sweep, and makes it ready to go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cluster.sweep.home import Busy, SweepHome
from search_spaces.types.driver_errors import BrokeOff, Unable

if TYPE_CHECKING:
    from cluster.sweep.reading import Reading


def home_of(reference: str) -> SweepHome:
    """Return the sweep of an ID, a unique prefix of one, ``last``, or a name, of which the newest.

    A sweep that exists only in the database PACELINE_STUDY gets a home in this folder. Raises LookupError where
    there is none, and StudyAway where the database cannot be reached.
    """
    try:
        return SweepHome.find(reference)
    except LookupError:
        from cluster.sweep.restore import rebuilt  # 60 ms

        if (home := rebuilt(reference)) is None:
            raise
        return home


def ready(read: Reading, say: Callable[[str], None]) -> Reading:
    """Mend the home's files of the spec, make the edits that wait, and return the sweep as it is then.

    Raises BrokeOff where the sweep must be repaired first, and Unable where another process drives it.
    """
    if read.lost:
        raise BrokeOff(f"sweep {read.home.id} cannot go on before it is repaired")
    if read.wrong:
        read.home.keep(read.sweep)
    return with_edits(read, say)


def with_edits(read: Reading, say: Callable[[str], None]) -> Reading:
    """Make the edits that the sweep's last driver did not take up, and return the sweep as it is then."""
    if read.live or not (read.facts.searched or read.complete):  # else its next driver makes them
        return read
    from cluster.sweep.knowledge.edit import settle_waiting  # 300 ms: Optuna
    from cluster.sweep.reading import Reading  # 140 ms: Optuna

    try:
        with read.home.driven():
            told = settle_waiting(read)
    except Busy as error:
        raise Unable(str(error)) from error
    for line in told:
        say(f"sweep {read.home.id}: {line}")
    return Reading.of(read.home) if told else read


def mended(home: SweepHome) -> str:
    """Make the journal of a sweep with nothing left to do whole; return what was wrong with it, in words."""
    from search_spaces.study.journal import mend  # 0 ms: it was read

    if isinstance(home.study, str):
        return ""
    with home.driven():
        return mend(home.journal)
