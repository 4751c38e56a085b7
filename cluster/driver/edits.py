"""Takes up edits while a sweep's search runs: the next question is asked by the new space."""

from __future__ import annotations

from collections.abc import Callable

from cluster.sweep.coordinator import Coordinator
from cluster.sweep.knowledge.edit import take_up, unknown
from cluster.sweep.tracker import Tracker
from search_spaces.spec.sweep import Sweep
from search_spaces.types.faults import SpecError


def take_up_edits(coordinator: Coordinator, tracker: Tracker, say: Callable[[str], None]) -> Sweep:
    """Carry out the edits that were sent to the sweep, and return it as it is then.

    Once the search is over they wait for the next driver. One that cannot be carried out any more is told.
    """
    race = coordinator.races["search"]
    if coordinator.purpose != "search" or race.closing or race.finished:
        return coordinator.sweep
    for message in unknown(coordinator.home, coordinator.sweep):
        try:
            changes = message.content["changes"]
            found = take_up(coordinator.home, coordinator.study, coordinator.sweep, changes, message.id)
        except SpecError as error:
            message.done()
            say(f"an edit was refused: {error}")
            continue
        message.done()
        coordinator.sweep = found.sweep
        coordinator.search.edit(found.sweep, found.warm, race.tracks)
        race.replan(found.sweep.trials)
        tracker.edited(found.sweep)
        say(found.told)
    return coordinator.sweep
