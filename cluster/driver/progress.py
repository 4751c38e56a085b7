"""Phase and cost of a sweep: measured by its driver, added to those of earlier drivers, and kept in the study."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from cluster.sweep.limits.spending import SPENT
from cluster.terminal.records import Phase
from search_spaces.study.study import Study

ENTER_EVERY_S: Final = 5.0


@dataclass
class Progress:
    """Progress of one driver, which ``begun`` at a monotonic time, and trains on ``num_lanes`` lanes now.

    ``parts`` are the seconds spent on each part (start, data, training, waiting, champion, logging).
    """

    study: Study
    num_lanes: int
    begun: float
    parts: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._entered = self.trained_from = self._turned = self.begun
        self._phase: Phase | None = None
        self._lane_s = 0.0
        cost = self.study.facts().get("cost", {})
        self._earlier_s = float(cost.get("seconds", 0.0))
        self._earlier_parts: Mapping[str, float] = cost.get("parts", {})
        self.searched_s = float(cost.get("search_seconds", self._earlier_s))
        """Seconds of the search by all drivers."""
        self._spent: dict[str, Any] = {SPENT: cost[SPENT]} if SPENT in cost else {}

    @property
    def elapsed_s(self) -> float:
        """Seconds that all drivers have taken so far."""
        return self._earlier_s + time.monotonic() - self.begun

    def train(self) -> None:
        """Begin to count what the lanes could have worked."""
        self.trained_from = self._turned = time.monotonic()

    def turn(self, num_lanes: int) -> None:
        """Go on with so many lanes."""
        now = time.monotonic()
        self._lane_s += self.num_lanes * (now - self._turned)
        self.num_lanes, self._turned = num_lanes, now

    def trained(self, busy_s: float) -> None:
        """Divide the time of training into work and waiting, after ``busy_s`` seconds of work on all lanes."""
        self.turn(self.num_lanes)
        whole_s = self._turned - self.trained_from
        self.parts["training"] = busy_s * whole_s / self._lane_s if self._lane_s else 0.0
        self.parts["waiting"] = whole_s - self.parts["training"]

    def used(self, searched_s: float, spent: Mapping[str, Any] | None) -> None:
        """Note what the search has used by now; ``spent`` is None where that is not counted."""
        self.searched_s = searched_s
        self._spent = self._spent if spent is None else {SPENT: spent}

    def enter(self, phase: Phase) -> None:
        """Store phase and cost in the study: when the phase changes, else every ``ENTER_EVERY_S`` seconds."""
        now = time.monotonic()
        if phase == self._phase and now - self._entered < ENTER_EVERY_S:
            return
        self._phase, self._entered = phase, now
        self._store(phase)

    def note(self) -> None:
        """Store the cost in the study now, in the phase that it is in."""
        if self._phase is not None:
            self._store(self._phase)

    def _store(self, phase: Phase) -> None:
        spent = {"seconds": round(self.elapsed_s, 3), "search_seconds": round(self.searched_s, 3)}
        cost = spent | {"lanes": self.num_lanes} | self._spent
        self.study.set("phase", phase)
        self.study.set("cost", cost | {"parts": self._all_parts()})
        self.study.flush()

    def _all_parts(self) -> dict[str, float]:
        """Return the seconds of each part by all drivers."""
        earlier = self._earlier_parts
        return {
            name: round(earlier.get(name, 0.0) + self.parts.get(name, 0.0), 3) for name in {**earlier, **self.parts}
        }

    @contextmanager
    def timed(self, part: str) -> Iterator[None]:
        """Count the block to a part."""
        begun = time.monotonic()
        yield
        self.took(part, begun)

    def took(self, part: str, begun: float) -> None:
        """Count the time since ``begun`` to a part."""
        self.parts[part] = self.parts.get(part, 0.0) + time.monotonic() - begun
