"""Who stands where in a race: the members at each rung in order, kept up as they move rather than counted anew."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol

from search_spaces.space.hyperparameters import Signature
from search_spaces.types.values import Params

Belongs = Callable[[int], bool]
"""Whether the member of a number belongs to a part of all."""
Entry = tuple[float, int]
"""A member in the order of a rung: its score with the sign changed, and its number."""


class Standing(Protocol):
    """A member as a schedule sees it."""

    @property
    def number(self) -> int:
        """Number of the member in decisions."""

    @property
    def epoch(self) -> int:
        """Number of epochs trained and saved; training continues after it."""

    @property
    def rung(self) -> int:
        """Rung at which the member waits: its epoch, or a later one where it no longer improves and is held."""

    @property
    def scores(self) -> Mapping[int, float]:
        """Best objective so far at each rung reached, by the rung's epoch, signed so that higher is better."""

    @property
    def params(self) -> Params:
        """All hyperparameters, with the changes of exploits."""

    @property
    def curve(self) -> Mapping[int, float]:
        """Objective by epoch, signed so that higher is better."""

    def latest(self, epoch: int) -> float:
        """Objective at this epoch, or the last one before it that has any, signed so that higher is better."""

    def params_after(self, epoch: int) -> Params:
        """Hyperparameters with which the member is trained after ``epoch``."""

    def source_at(self, epoch: int) -> int:
        """Number of the member from whose weights it goes on after ``epoch``: its own where it took none over."""

    @property
    def signature(self) -> Signature:
        """Signature: equal for members whose weights can be exchanged."""

    @property
    def waiting(self) -> bool:
        """Whether the member is paused at a rung until a decision."""

    @property
    def ended(self) -> bool:
        """Whether the member is done, stopped or failed."""

    @property
    def failed(self) -> bool:
        """Whether the member has failed: it gives its place on every rung back."""

    @property
    def withdrawn(self) -> bool:
        """Whether a user has taken the member out of the race: it gives its places back, too."""

    @property
    def done(self) -> bool:
        """Whether the member was trained to the end."""


@dataclass
class Rung:
    """Members at one rung. Those that failed or were withdrawn later keep their ``scores``, but have no rank."""

    epoch: int
    scores: dict[int, float] = field(default_factory=dict)
    """Score of each member that has reached the rung, by its number."""
    num_lost: int = 0
    """Number of members that ended here, before the next rung."""
    _order: list[Entry] = field(default_factory=list)
    _waiting: list[Entry] = field(default_factory=list)

    @property
    def ranked(self) -> list[int]:
        """Numbers of the members that have a rank, the best first, equal scores by number."""
        return [number for _, number in self._order]

    @property
    def best(self) -> float:
        """Best score of a member that has not failed; minus infinity where there is none."""
        return -self._order[0][0] if self._order else -math.inf

    @property
    def waiting(self) -> list[int]:
        """Numbers of the members that are paused here, the best first."""
        return [number for _, number in self._waiting]

    def as_good_as(self, places: int) -> int:
        """Return the number of ranked members that are no worse than the last of the best ``places``.

        A score of minus infinity, of what breaks a constraint, is no better for being shared.
        """
        if not 0 < places < len(self._order) or self._order[places - 1][0] == math.inf:
            return places
        return bisect_right(self._order, (self._order[places - 1][0], math.inf))

    def within(self, places: int) -> list[int]:
        """Return the waiting members among the best ``places``, the best first."""
        return [number for _, number in self._waiting[: self._cut(places)]]

    def behind(self, places: int) -> list[int]:
        """Return the waiting members that are not among the best ``places``."""
        return [number for _, number in self._waiting[self._cut(places) :]]

    def num_behind(self, places: int) -> int:
        """Return the number of waiting members that are not among the best ``places``."""
        return len(self._waiting) - self._cut(places)

    def _cut(self, places: int) -> int:
        if places >= len(self._order):
            return len(self._waiting)
        return bisect_left(self._waiting, self._order[places])

    def place(self, member: Standing) -> None:
        """Record where the member stands at this rung now."""
        number, before, score = member.number, self.scores.get(member.number), member.scores.get(self.epoch)
        if before is not None:
            _remove(self._order, (-before, number))
            _remove(self._waiting, (-before, number))
        if score is None:
            self.scores.pop(number, None)
            return
        self.scores[number] = score
        if not (member.failed or member.withdrawn):
            insort(self._order, (-score, number))
        if member.waiting and member.rung == self.epoch:
            insort(self._waiting, (-score, number))


class Standings:
    """All members of a race by rung. Finding who may continue takes the logarithm of their number."""

    def __init__(self, rungs: Sequence[int], members: Iterable[Standing] = (), num_expected: int = 0) -> None:
        self.num_expected = num_expected
        """Number of members at the race's end, with those not started yet."""
        self.num_done = 0
        """Number of members that were trained to the end."""
        self.num_never = 0
        """Number of members that ended before the first rung."""
        self._rungs = {epoch: Rung(epoch) for epoch in rungs}
        self._members: dict[int, Standing] = {}
        self._ended: set[int] = set()
        self._best_done = -math.inf
        """Best score of a member that was trained to the end: it has none at the last rung."""
        self._parts: dict[Hashable, tuple[Belongs, Standings]] = {}
        for member in members:
            self.update(member)

    def at(self, epoch: int) -> Rung:
        """Return the rung at ``epoch``."""
        return self._rungs[epoch]

    @property
    def members(self) -> list[Standing]:
        """All members."""
        return list(self._members.values())

    def member(self, number: int) -> Standing:
        """Return the member of a number."""
        return self._members[number]

    @property
    def ended(self) -> frozenset[int]:
        """Numbers of the members that have ended."""
        return frozenset(self._ended)

    def first(self, count: int) -> list[Standing]:
        """Return the first ``count`` members, in the order in which they began."""
        return list(islice(self._members.values(), count))

    @property
    def best(self) -> float:
        """Best score of a member that has not failed, at any epoch; minus infinity before the first."""
        return max([self._best_done, *(rung.best for rung in self._rungs.values())])

    def has_ended(self, number: int) -> bool:
        """Whether the member of a number has ended."""
        return number in self._ended

    def part(self, name: Hashable, rungs: Sequence[int], belongs: Belongs) -> Standings:
        """Return the standings at ``rungs`` of the numbers that ``belongs`` is true of, kept up under ``name``."""
        if name not in self._parts:
            those = [member for number, member in self._members.items() if belongs(number)]
            self._parts[name] = belongs, Standings(rungs, those)
        return self._parts[name][1]

    def update(self, member: Standing) -> None:
        """Record the present state of a member, which may be new."""
        for belongs, part in self._parts.values():
            if belongs(member.number):
                part.update(member)
        self._members[member.number] = member
        for rung in self._rungs.values():
            if rung.epoch in member.scores or member.number in rung.scores:
                rung.place(member)
        if member.ended and member.number not in self._ended:
            self._ended.add(member.number)
            self.num_done += member.done
            self._best_done = max([self._best_done, *member.curve.values()]) if member.done else self._best_done
            if reached := self._rungs.keys() & member.scores.keys():
                self._rungs[max(reached)].num_lost += 1
            else:
                self.num_never += 1


def _remove(order: list[Entry], entry: Entry) -> None:
    place = bisect_left(order, entry)
    if place < len(order) and order[place] == entry:
        del order[place]
