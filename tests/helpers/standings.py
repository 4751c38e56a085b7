"""Makes standings for tests of schedules, and computes successive halving's decisions in a plain way."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass, field

from search_spaces.schedules.asha import Asha
from search_spaces.schedules.contract import Continue, Schedule, Standings, Stop
from search_spaces.types.values import Params

Scores = Mapping[int, Mapping[int, float]]
"""Scores by rung, then by the member's number."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A member as a schedule sees it."""

    number: int
    epoch: int = 0
    scores: Mapping[int, float] = field(default_factory=dict)
    params: Params = field(default_factory=dict)
    signature: Hashable = None
    waiting: bool = False
    ended: bool = False

    @property
    def rung(self) -> int:
        return self.epoch


def standings(
    scores: Scores,
    waiting: Mapping[int, Collection[int]],
    num_expected: int,
    ended: Collection[int] = (),
) -> Standings:
    """Return the standings of all members in the arguments; those in ``waiting`` wait at that rung."""
    at = {number: rung for rung, numbers in waiting.items() for number in numbers}
    numbers = {*at, *ended, *(number for reached in scores.values() for number in reached)}
    members = [
        Seen(
            number=number,
            epoch=at.get(number, 0),
            scores={rung: reached[number] for rung, reached in scores.items() if number in reached},
            waiting=number in at,
            ended=number in ended,
        )
        for number in sorted(numbers)
    ]
    return Standings(members, num_expected)


def promoted(plan: Schedule, seen: Standings) -> list[int]:
    """Return the members that may continue, in the order of the decisions."""
    return [number for number, decision in plan.decide(seen).items() if isinstance(decision, Continue)]


def stopped(plan: Schedule, seen: Standings) -> set[int]:
    """Return the members that must stop."""
    return {number for number, decision in plan.decide(seen).items() if isinstance(decision, Stop)}


def halving(asha: Asha, seen: Standings) -> tuple[set[int], set[int]]:
    """Return the members that successive halving promotes, and those that it stops, with each rung's own quota."""
    promotable: set[int] = set()
    prospects = _prospects(asha, seen)
    for rung, reachable, _ in prospects:
        ranked = seen.ranked(rung)
        num = len(ranked) // asha.eta if len(ranked) < reachable else max(1, reachable // asha.eta)
        promotable |= {number for number in ranked[:num] if number in seen.waiting(rung)}
    return promotable, set().union(*(hopeless for _, _, hopeless in prospects))


def _prospects(asha: Asha, seen: Standings) -> list[tuple[int, int, set[int]]]:
    found: list[tuple[int, int, set[int]]] = []
    given_up: set[int] = set()
    reachable = seen.num_expected - len(seen.ended - set(seen.scores(asha.rungs[0])))
    for rung, following in itertools.pairwise(asha.rungs):
        ranked, waiting = seen.ranked(rung), seen.waiting(rung)
        hopeless = {number for number in ranked[max(1, reachable // asha.eta) :] if number in waiting}
        given_up |= hopeless
        found.append((rung, reachable, hopeless))
        arrived = set(seen.scores(following))
        able = set(ranked) - arrived - given_up - seen.ended
        reachable += len(arrived) + len(able) - len(ranked)
    return found
