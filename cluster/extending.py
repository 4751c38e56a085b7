"""More trials for a sweep that has ended or was stopped: how many it can have, and what forbids them."""

from __future__ import annotations

from dataclasses import dataclass

from cluster import words
from cluster.home import SweepHome
from cluster.summary import Facts, open_study
from search_spaces.faults import Fault, SpecError, shown
from search_spaces.search import Search
from search_spaces.sweep import Sweep
from workloads.registry import catalogue

FLAG = "--trials"
Broken = tuple[str, str] | None
"""The rule that is broken, and what can be done instead."""


def new_total(home: SweepHome, sweep: Sweep, wanted: str) -> int:
    """The number of trials that ``wanted`` asks for: ``+N``, that many more, or ``N`` in all.

    "More" counts from the plan, or, where the search has ended before it, from the trials that there are. SpecError
    with one fault where there would be fewer trials than there are, or nothing would change.
    """
    past, total = _Past.of(home, sweep), _number(wanted)
    if wanted.strip().startswith("+"):
        total += past.num_tried if past.closed else sweep.trials
    broken = past.out_of_range(total) or past.without_effect(total) or past.over()
    if broken is not None:
        raise _refused(wanted, *broken)
    return total


def can_grow(home: SweepHome, sweep: Sweep) -> bool:
    """Whether there can be one more trial at all."""
    try:
        return new_total(home, sweep, "+1") > 0
    except SpecError:
        return False


def _refused(wanted: str, rule: str, instead: str) -> SpecError:
    return SpecError([Fault(FLAG, "", rule, shown(wanted), instead)])


def _number(wanted: str) -> int:
    digits = wanted.strip().removeprefix("+")
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 10 and int(digits) > 0):
        raise _refused(wanted, "must be a whole number of trials in all, or + and how many more", "'+10'")
    return int(digits)


@dataclass(frozen=True, kw_only=True)
class _Past:
    """What the sweep has come to. ``closed``: its search is over; ``most``: how many trials there can be."""

    home: SweepHome
    sweep: Sweep
    num_tried: int
    closed: bool
    most: int | None
    target_reached: bool
    seconds: float

    @classmethod
    def of(cls, home: SweepHome, sweep: Sweep) -> _Past:
        study = open_study(home, sweep)
        search, facts = Search(sweep, catalogue().workload(sweep.workload).hyperparameters, study), Facts.of(study)
        race = search.race(num_lanes=1)
        return cls(
            home=home,
            sweep=sweep,
            num_tried=len(race.tracks),
            closed=facts.searched,
            most=search.most_trials,
            target_reached=race.closing,
            seconds=float(facts.cost.get("seconds", 0.0)),
        )

    def out_of_range(self, total: int) -> Broken:
        """Fewer than there are, or more than there can be."""
        least = self.num_tried + self.closed
        if self.most is not None and self.most < least:
            rule = f"must be left out: this space holds {words.count(self.most, 'trial')}, and all have been tried"
            return rule, self._another("parameters")
        if self.most is not None and total > self.most:
            return f"must come to {self.most} or fewer: this space holds no more", f"'{self.most}'"
        if total >= least:
            return None
        there = words.count(self.num_tried, "trial")
        return f"must come to {least} or more: there are {there} already", f"'+{total}'"

    def without_effect(self, total: int) -> Broken:
        """What the sweep does anyway."""
        if self.closed or total != self.sweep.trials:
            return None
        return f"must differ from the {total} that are planned already", f"`paceline resume {self.home.id}`"

    def over(self) -> Broken:
        """What would end a longer search before it began."""
        limit_s, target = self.sweep.timeout_s, self.sweep.metric.target
        if limit_s is not None and self.seconds >= limit_s:
            rule = f"must be left out: the timeout of {limit_s:g} s is used up after {self.seconds:.0f} s"
            return rule, self._another("timeout")
        if self.target_reached:
            return f"must be left out: the target of {target:g} is reached", self._another("metric.target")
        return None

    def _another(self, key: str) -> str:
        return f"a new sweep, `paceline run {self.home.spec} {key}=...`"
