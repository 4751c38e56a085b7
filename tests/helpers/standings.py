"""Makes standings for tests of schedules, and computes successive halving's decisions in a plain way."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from search_spaces.schedules.asha import Asha
from search_spaces.schedules.contract import Continue, Exploit, Schedule, Stop
from search_spaces.schedules.standings import Standings
from search_spaces.space.hyperparameters import Signature
from search_spaces.types.values import Params

Scores = Mapping[int, Mapping[int, float]]
"""Scores by rung, then by the member's number."""
RUNGS = (1, 3, 9)
"""Rungs that there are in any case."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A member as a schedule sees it."""

    number: int
    epoch: int = 0
    held: int | None = None
    scores: Mapping[int, float] = field(default_factory=dict)
    params: Params = field(default_factory=dict)
    values: Mapping[int, float] = field(default_factory=dict)
    signature: Signature = ()
    waiting: bool = False
    ended: bool = False
    failed: bool = False
    withdrawn: bool = False
    done: bool = False

    @property
    def rung(self) -> int:
        return self.held or self.epoch

    @property
    def curve(self) -> Mapping[int, float]:
        return self.values or self.scores

    def latest(self, epoch: int) -> float:
        return self.scores[epoch]

    def params_after(self, epoch: int) -> Params:
        return self.params

    def source_at(self, epoch: int) -> int:
        return self.number


def standings(
    scores: Scores,
    waiting: Mapping[int, Collection[int]],
    num_expected: int,
    ended: Collection[int] = (),
    failed: Collection[int] = (),
    done: Collection[int] = (),
) -> Standings:
    """Return the standings of all members in the arguments; those in ``waiting`` wait at that rung.

    Those ``failed`` and ``done`` have ended, too.
    """
    ended = {*ended, *failed, *done}
    at = {number: rung for rung, numbers in waiting.items() for number in numbers}
    numbers = {*at, *ended, *(number for reached in scores.values() for number in reached)}
    members = [
        Seen(
            number=number,
            epoch=at.get(number, 0),
            scores={rung: reached[number] for rung, reached in scores.items() if number in reached},
            waiting=number in at,
            ended=number in ended,
            failed=number in failed,
            done=number in done,
        )
        for number in sorted(numbers)
    ]
    return Standings(sorted({*scores, *waiting, *RUNGS}), members, num_expected)


def promoted(plan: Schedule, seen: Standings) -> list[int]:
    """Return the members that may continue, in the order of the decisions."""
    return [number for number, decision in plan.decide(seen).items() if isinstance(decision, Continue | Exploit)]


def stopped(plan: Schedule, seen: Standings) -> set[int]:
    """Return the members that must stop."""
    return {number for number, decision in plan.decide(seen).items() if isinstance(decision, Stop)}


def halving(asha: Asha, seen: Standings) -> tuple[set[int], set[int]]:
    """Return the members that successive halving promotes, and those that it stops, with each rung's own quota."""
    promotable: set[int] = set()
    hopeless: set[int] = set()
    gone = {member.number for member in seen.members if member.ended and not member.scores}
    reachable = seen.num_expected - len(gone)
    for epoch, following in itertools.pairwise(asha.rungs):
        here = {member.number: member for member in seen.members if epoch in member.scores}
        able = [number for number, member in here.items() if not member.failed]
        ranked = sorted(able, key=lambda number: (-here[number].scores[epoch], number))
        waiting = {number for number, member in here.items() if member.waiting and member.rung == epoch}
        places = max(1, reachable // asha.eta)
        num = len(here) // asha.eta if len(here) < reachable else places
        promotable |= waiting & set(ranked[:num])
        behind = waiting & set(ranked[places:])
        hopeless |= behind if any(member.done for member in seen.members) else set()
        lost = {n for n, member in here.items() if member.ended and following not in member.scores}
        reachable -= len(lost | behind)
    return promotable, hopeless
