"""Finds metrics that a spec asks for and no training reports, so that the sweep need not go on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final

from search_spaces.criteria.constraints import Criteria
from search_spaces.criteria.metric_names import is_of_test
from search_spaces.types.faults import Fault, nearest, shown

ONE_LETTER: Final = 0.9
"""Similarity, by difflib, of names that differ by a slip of one letter."""


@dataclass
class Unreported:
    """What the members of the first leg that trained have reported."""

    criteria: Criteria
    untested: str | None = None
    """Why the finalists of users' code cannot be judged: a sentence; None where nothing is known against it."""
    tested: set[str] = field(default_factory=set)
    """Metrics of a test split that were reported."""
    _seen: set[str] = field(default_factory=set)
    _over: bool = False

    def saw(self, metrics: Mapping[str, float]) -> None:
        """Take note of the metrics of an epoch that did not fail."""
        self.tested |= set(filter(is_of_test, metrics))
        if self.criteria and not self._over:
            self._seen |= metrics.keys()

    def found(self, over: bool, whole: bool = True) -> bool:
        """Whether any is found; ``over`` tells that a leg is, and ``whole`` that its members' training is, too."""
        mistyped = any(get_close_matches(name, self._known, 1, ONE_LETTER) for name in self._lacking)
        self._over |= over and bool(self._seen) and (whole or not self.criteria.sparse or mistyped)
        return bool(self.names or self.untested)

    @property
    def names(self) -> list[str]:
        """Names of the metrics that nobody reports; empty before the end of a leg."""
        return self._lacking if self._over else []

    @property
    def _lacking(self) -> list[str]:
        return [name for name in self.criteria.names if name not in self._seen]

    @property
    def _known(self) -> list[str]:
        return sorted(metric for metric in self._seen if not is_of_test(metric))

    def faults(self, place: str, sweep: str) -> list[Fault]:
        """Return a fault for each of them, with a way out of the sweep with this ID."""
        found = [self._fault(name, place, sweep) for name in self.names]
        if self.untested:
            way = f"then `paceline resume {sweep}` trains the finalists again (or final: none in a new sweep)"
            found.append(Fault(place, "final", f"{self.untested}; {way}"))
        return found

    def _fault(self, name: str, place: str, sweep: str) -> Fault:
        known = self._known
        way = f"name one of these in a new sweep, or report it from your function and `paceline resume {sweep}`"
        rule = f"nobody reports this metric; the first trial reported {', '.join(known)}: {way}"
        close = nearest(name, known)
        return Fault(place, self._path(name), rule, shown(name), close and repr(close))

    def _path(self, name: str) -> str:
        for number, one in enumerate(self.criteria.constraints):
            if one.metric == name:
                return f"constraints.{number}.metric"
        place = next(number for number, other in enumerate(self.criteria.others) if other.name == name)
        return f"metrics.{place + 1}.name"
