"""Ends a search whose best value many trials in a row have not bettered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from search_spaces.race.track import Track
from search_spaces.types.objective import Objective

INCUMBENT: Final = "incumbent"
"""Attribute of the study: the best trial, and how many others had been tried when it got its best value."""

ANEW: Final[Mapping[str, Any]] = {"trial": None}
"""In its place: the count begins anew with the best trial that there is."""


class Plateau:
    """Counts the trials since the best value was last bettered.

    A trial counts once, as it ends or comes to a rung where it waits for a decision. What is not known from the
    ``tracks`` of an earlier driver is in ``noted``, which ``note`` keeps.
    """

    def __init__(
        self,
        limit: int,
        objective: Objective,
        tracks: Sequence[Track] = (),
        noted: Mapping[str, Any] | None = None,
        note: Callable[[Mapping[str, Any]], None] = lambda noted: None,
    ) -> None:
        self._limit, self._objective, self._note = limit, objective, note
        self._tried = {track.index for track in tracks if track.ended or track.scores}
        self._best = {t.index: t.best_value for t in tracks if t.best_value is not None and t.feasible}
        self._holder = objective.best(self._best, self._best.get)
        noted = noted or {}
        known = noted.get("trial") == self._holder and noted.get("value") == self._best.get(self._holder or 0)
        everyone = noted.get("trial", 0) is None
        before = {i for i in self._tried if self._holder is not None and (everyone or i < self._holder)}
        before -= {self._holder}
        self._at = int(noted["tried"]) if known and "tried" in noted else len(before)

    @property
    def num_since(self) -> int:
        """Number of trials that were tried since the best value came."""
        return len(self._tried - {self._holder}) - self._at

    def reported(self, track: Track, epoch: int, value: float) -> None:
        """Take note of a value; a better one than all before begins the count anew.

        That of a trial that breaks a constraint is none: where it was the best the next one counts from now on.
        """
        if not track.feasible or track.own_best is None:
            self._leave(track)
            return
        best = None if self._holder is None else self._best[self._holder]
        self._best[track.index] = track.own_best
        if self._objective.better(track.own_best, best):
            self._begin(track.index)

    def moved(self, track: Track) -> None:
        """Count a trial that waits at a rung."""
        if track.waiting:
            self._tried.add(track.index)

    def ended(self, track: Track) -> None:
        """Count a trial; where the best one has failed, the next one counts from now on."""
        self._tried.add(track.index)
        if track.failed:
            self._leave(track)

    def reason(self) -> str | None:
        """Return why the search ends, once so many trials have brought nothing better."""
        if self._holder is None or self.num_since < self._limit:
            return None
        who = "a trial has" if self._limit == 1 else f"{self._limit} trials in a row have"
        return f"{who} brought no better value"

    def _leave(self, track: Track) -> None:
        if self._best.pop(track.index, None) is not None and track.index == self._holder:
            self._begin(self._objective.best(self._best, self._best.get))

    def _begin(self, holder: int | None) -> None:
        self._holder = holder
        self._at = len(self._tried - {holder})
        value = None if holder is None else self._best[holder]
        self._note({"trial": holder, "value": value, "tried": self._at})
