"""Takes up edits while a sweep's search runs: the next question is asked by the new space."""

from __future__ import annotations

from collections.abc import Callable

from cluster.sweep.coordinator import Coordinator
from cluster.sweep.knowledge.edit import REFUSED, take_up, unknown
from cluster.sweep.tracker import Tracker
from search_spaces.spec.sweep import Sweep
from search_spaces.types.faults import SpecError


def take_up_edits(coordinator: Coordinator, tracker: Tracker, say: Callable[[str], None]) -> Sweep:
    """Carry out the edits that were sent to the sweep, and return it as it is then.

    Once the search is over they wait for the next driver. One that cannot be carried out any more is told.
    """
    race, home, study = coordinator.races["search"], coordinator.home, coordinator.study
    if coordinator.purpose != "search" or race.closing or race.finished:
        return coordinator.sweep
    for request in unknown(home, coordinator.sweep, study):
        try:
            found = take_up(home, study, coordinator.sweep, request.changes, request.id)
        except SpecError as error:
            told = f"{REFUSED}{error}"
        else:
            coordinator.sweep, told = found.sweep, found.told
            coordinator.search.edit(found.sweep, found.warm, race)
            tracker.edited(found.sweep)
        request.brought_by.answer(told)
        say(told)
    return coordinator.sweep
