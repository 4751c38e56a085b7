"""Takes up what users ask of the sweep while it runs: in the race, in the study and in MLflow."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cluster.sweep.files.inbox import forget_answers
from cluster.sweep.shared_storage import Mark
from cluster.sweep.steering.leg_marks import LegMarks
from cluster.sweep.steering.order import LANES, Order, orders_waiting, workers
from search_spaces.race.steering import DONE, Deed, refusal
from search_spaces.types.trial_names import trial_name

if TYPE_CHECKING:
    from cluster.sweep.coordinator import Coordinator
    from cluster.sweep.home import SweepHome
    from cluster.sweep.messages import Handle
    from search_spaces.race.track import Track

LOOK_EVERY_S = 0.5
ODD = "an order was left out: it is none of this version"


@dataclass
class Helm:
    """Steers one driver's sweep, on which ``num_lanes`` lanes train now."""

    home: SweepHome
    marks: LegMarks
    num_lanes: int
    most: int
    """How many lanes fit here."""
    _looked: float = field(default=-LOOK_EVERY_S)
    _ending: dict[Handle, Mark] = field(default_factory=dict)
    """Marks of legs that are to end at the next epoch."""

    @classmethod
    def of(cls, home: SweepHome, num_lanes: int, most: int) -> Helm:
        """Return the helm of a driver that begins with ``num_lanes`` lanes; at ``most`` so many fit."""
        forget_answers(home)
        return cls(home, LegMarks.new(home), num_lanes, max(most, num_lanes))

    def most_lanes(self, wanted: int) -> int:
        """Return how many of so many lanes fit."""
        return min(wanted, self.most)

    def look(self, coordinator: Coordinator) -> None:
        """Take up what has come since, at most every ``LOOK_EVERY_S`` seconds; end what was stopped at once."""
        self._end_stopped(coordinator)
        now = time.monotonic()
        if now - self._looked < LOOK_EVERY_S:
            return
        self._looked = now
        for message, order in orders_waiting(self.home, coordinator.study):
            answer = ODD if order is None else self._done(order, coordinator)
            coordinator.commit()  # what was answered must outlast a crash
            message.answer(answer)
            coordinator.say(answer)
        self._forget(coordinator.out())

    def _done(self, order: Order, coordinator: Coordinator) -> str:
        if order.deed == "lanes":
            assert order.lanes is not None
            return self._train_on(order.lanes, order, coordinator)
        assert order.trial is not None
        return self._steer(order.deed, order.trial, order, coordinator)

    def _train_on(self, wanted: int, order: Order, coordinator: Coordinator) -> str:
        self.num_lanes = self.most_lanes(wanted)
        coordinator.study.set(LANES, {"count": wanted, "told": order.told})
        less = f": as many as fit, of {wanted}" if self.num_lanes < wanted else ""
        self._end_surplus(coordinator)
        return f"{workers(self.num_lanes)} from now on{less} ({order.told})"

    def _end_surplus(self, coordinator: Coordinator) -> None:
        """End the legs that are more than there are lanes now, the latest first and boosted ones last."""
        out = [handle for handle in coordinator.out() if handle not in self._ending]
        order = sorted(out, key=lambda handle: (any(t.boosted for t in _aboard(coordinator, handle)), -handle[1]))
        for handle in order[: max(0, len(out) - self.num_lanes)]:
            self._end(handle)

    def _end(self, handle: Handle) -> None:
        self._ending[handle] = self.marks.of(*handle)
        self._ending[handle].touch()

    def _end_stopped(self, coordinator: Coordinator) -> None:
        """End the legs of members that their schedule has stopped while they ran on."""
        for handle in coordinator.out() if coordinator.races["search"].rules.runs_on else ():
            if handle not in self._ending and all(t.ended or t.leaving for t in _aboard(coordinator, handle)):
                self._end(handle)

    def _steer(self, deed: Deed, trial: int, order: Order, coordinator: Coordinator) -> str:
        race, name = coordinator.races["search"], trial_name(trial)
        if coordinator.purpose == "final":
            return f"{name} is left as it is: the search is over, and the final evaluation runs"
        if not 0 <= trial < len(race.tracks):
            return f"there is no trial {name} yet: {len(race.tracks)} have begun"
        track = race.tracks[trial]
        if why := refusal(track, deed):
            return f"{name} {why}"
        mine = (track, *track.further)  # its further seeds obey as it does
        aboard = [h for h in coordinator.out() if any(member in _aboard(coordinator, h) for member in mine)]
        own = [handle for handle in aboard if track in _aboard(coordinator, handle)]
        trained_s = (coordinator.accounts.times.trained_s(h) / len(_aboard(coordinator, h)) for h in own)
        race.steer(track, deed, order.told, sum(trained_s))
        if deed in ("stop", "pause"):
            for handle in aboard:
                self._end(handle)
        return f"{name} is {DONE[deed]}{', after its present epoch' if aboard and deed == 'pause' else ''}"

    def close(self) -> None:
        """Remove all marks, as no leg runs any more."""
        self._forget(())

    def _forget(self, running: Iterable[Handle]) -> None:
        """Remove the marks of legs that are over."""
        for handle in self._ending.keys() - {*running}:
            self._ending.pop(handle).unlink(missing_ok=True)


def _aboard(coordinator: Coordinator, handle: Handle) -> list[Track]:
    purpose, number = handle
    return [track for leg, tracks in coordinator.races[purpose].running() if leg.id == number for track in tracks]
