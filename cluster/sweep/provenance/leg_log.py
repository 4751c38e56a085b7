"""Log of a sweep's legs: when each one ran, on which lane, who was aboard. Kept in the study, for its report."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from cluster.sweep.messages import Handle, Report
from search_spaces.race.legs import Leg, Purpose
from search_spaces.race.track import Track
from search_spaces.study.study import Study

PREFIX: Final = "leg:"
"""Begins the name of the study's attribute of each leg, whose number over all drivers follows."""


@dataclass(frozen=True, kw_only=True)
class LegRecord:
    """One leg that is over: its members trained from epoch ``start`` to ``stop``, the last one that any reached.

    Where it broke off, or all of its members ended early, that is before the epoch at which it was to end.
    """

    purpose: Purpose
    members: tuple[str, ...]
    """Keys of all members: ``t0004-s0``."""
    start: int
    stop: int
    began_s: float
    """When its lane began to train it, in seconds since 1970 by the driver's clock."""
    ended_s: float
    lane: str
    """Machine and process ID of its lane; empty where it died before its first report."""
    fused: int = 1
    """Largest number of its members that were trained as one program."""
    failed: bool = False
    """Whether its code raised, its lane died, or it was given up."""

    @property
    def seconds(self) -> float:
        """Seconds for which its lane trained it."""
        return self.ended_s - self.began_s

    @property
    def epochs(self) -> int:
        """Number of epochs of all members together, if none of them ended before the others."""
        return (self.stop - self.start) * len(self.members)


class LegLog:
    """Log of one driver's legs, continued from that of earlier drivers. It costs a line of the journal a leg."""

    def __init__(self, study: Study) -> None:
        self._study = study
        self._number = sum(1 for key in study.facts() if key.startswith(PREFIX))
        self._out: dict[Handle, tuple[Leg, Sequence[Track]]] = {}
        self._heard: dict[Handle, tuple[str, int]] = {}
        self._reached: dict[Handle, int] = {}

    def started(self, leg: Leg, tracks: Sequence[Track]) -> None:
        """Note a leg that is handed out, with the ``tracks`` of its members."""
        self._out[leg.purpose, leg.id] = leg, tracks

    def heard(self, handle: Handle, report: Report) -> None:
        """Note which lane trains the leg, and how many members as one program; not one that is handed back."""
        if report.handed_back:
            self._out.pop(handle, None)
        lane, fused = self._heard.get(handle, ("", 1))
        self._heard[handle] = report.lane or lane, max(report.fused, fused)
        self._reached[handle] = max([self._reached.get(handle, 0), *(one.epoch for one in report.epochs)])

    def over(self, handle: Handle, seconds: float, failed: bool) -> None:
        """Write down a leg that ends now, after so many seconds on its lane; none that never began."""
        out, (lane, fused) = self._out.pop(handle, None), self._heard.pop(handle, ("", 1))
        reached = self._reached.pop(handle, 0)
        if out is None or not seconds:
            return
        leg, tracks = out
        counted = max((epoch for track in tracks for epoch in track.values), default=0)  # a script may run on
        now = time.time()
        record = LegRecord(
            purpose=leg.purpose,
            members=tuple(member.key for member in leg.members),
            start=leg.start,
            stop=max(leg.start, min(reached, counted)),
            began_s=round(now - seconds, 3),
            ended_s=round(now, 3),
            lane=lane,
            fused=fused,
            failed=failed,
        )
        # A text, as a study in a database copies all its attributes at each flush, and texts cost nothing.
        self._study.set(f"{PREFIX}{self._number:06d}", json.dumps(asdict(record)))
        self._number += 1


def legs(facts: Mapping[str, Any]) -> list[LegRecord]:
    """Return the legs that are over, in order of their end; empty for sweeps of versions that kept none."""
    texts = [text for key, text in sorted(facts.items()) if key.startswith(PREFIX)]
    found = (json.loads(text) for text in texts)
    return [LegRecord(**{**one, "members": tuple(one["members"])}) for one in found]
