"""Puts what a script reports together to epochs, whatever the script counts.

The rules, in their order. With ``steps`` of the spec the number of an epoch is the value of that metric, or the
step that the report was logged with. Else a reported ``epoch`` that is a whole number is the epoch's number; a
script whose first one is 0 counts from 0, any other from 1, also one that reports parts of epochs. Else each report
of the sweep's metric is one epoch more. Reports of one step are one epoch, and what comes before the sweep's metric
counts with its epoch. What comes for an epoch that is told already is left out, and its names are waited for from
then on.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

EPOCH = "epoch"


@dataclass(frozen=True)
class Report:
    """Metrics that a script logged at once, and the step that it logged them with."""

    metrics: Mapping[str, float]
    step: float | None = None


@dataclass(frozen=True)
class Epoch:
    """The end of an epoch, with its metrics."""

    number: int
    metrics: Mapping[str, float]


Key = tuple[str, float]


@dataclass
class Epochs:
    """Epochs of one script, which goes on behind epoch ``done``; those up to ``known`` are told already.

    ``first`` is the number that the script has for its first epoch, None where it is not known yet. ``expected``
    are names that come with each epoch, maybe behind the sweep's metric; those that come too late are added.
    """

    metric: str
    unit: str | None = None
    """Name of the metric that a trial's length is counted in; None: its reports are counted."""
    done: int = 0
    known: int = 0
    first: int | None = None
    expected: set[str] = field(default_factory=set, kw_only=True)
    names: dict[str, None] = field(default_factory=dict, init=False)
    """Names of all metrics that were reported, in order."""
    messages: list[str] = field(default_factory=list, init=False)
    _offset: int = field(default=0, init=False)
    _row: dict[str, float] = field(default_factory=dict, init=False)
    _key: Key | None = field(default=None, init=False)
    _last: Key | None = field(default=None, init=False)
    _position: float | None = field(default=None, init=False)
    _ready: deque[Epoch] = field(default_factory=deque, init=False)

    def add(self, report: Report) -> None:
        """Take up a report."""
        self.names |= dict.fromkeys(report.metrics)
        key = self._key_of(report)
        metrics = dict(report.metrics)
        if key is not None and key == self._last and self._key is None:
            self._leave_out(metrics)
            return
        again = self.metric in self._row and self.metric in metrics
        unkeyed = key is None or self._key is None
        if (again if unkeyed else key != self._key) and self.metric in self._row:
            self._close()
        self._key = key if key is not None else self._key
        self._row |= metrics

    def next(self, over: bool = False) -> Epoch | None:
        """Return the next epoch that is complete, None where there is none; ``over``: no more of it will follow."""
        if over and self.metric in self._row and not self._ready:
            self._close()
        return self._ready.popleft() if self._ready else None

    @property
    def pending(self) -> bool:
        """Whether the sweep's metric was reported for an epoch that may not be complete yet."""
        return self.metric in self._row

    @property
    def complete(self) -> bool:
        """Whether all is there of the pending epoch that is expected with each."""
        return self.pending and self.expected <= self._row.keys()

    @property
    def rest(self) -> Mapping[str, float]:
        """What was reported since the last epoch, without the sweep's metric: no epoch has it."""
        return {} if self.pending else self._row

    @property
    def num_ready(self) -> int:
        """Number of epochs that ``next`` returns at once."""
        return len(self._ready)

    @property
    def upcoming(self) -> int:
        """Number of the epoch whose metrics are coming in."""
        if self._key is None or self._key[0] != EPOCH:
            return self.done + 1
        return max(1, int(self._key[1]) + (self.first == 0 and self.unit is None) + self._offset)

    def _leave_out(self, metrics: Mapping[str, float]) -> None:
        """Pass over what comes for an epoch that is told already, and expect the names in all later ones."""
        late = metrics.keys() - {self.metric, self.unit or EPOCH} - self.expected
        if late:
            self.expected |= late
            names = ", ".join(sorted(late))
            self.messages.append(f"{names} came after epoch {self.done} was told, and is left out there")

    def _key_of(self, report: Report) -> Key | None:
        """Return what reports of one epoch have in common; None where it is not said."""
        position = self._place(report)
        if position is not None:
            if self.first is None and self.unit is None:
                self.first = 0 if position == 0 else 1
            return EPOCH, position
        return None if report.step is None else ("step", report.step)

    def _place(self, report: Report) -> float | None:
        name = self.unit or EPOCH
        value = report.metrics.get(name, report.step if self.unit else None)
        if value is None or not math.isfinite(value):
            return None
        if float(value).is_integer():
            return value
        if self.unit is None:
            self.first = 1  # parts of epochs are told: 1.0 is the end of the first one, whatever came at 0.0
        return None

    def _close(self) -> None:
        key, row = self._key, self._row
        number = self._forward(self.upcoming, key)
        self._last, self._key, self._row = key, None, {}
        self.done = max(self.done, number)
        if number > self.known:
            self._ready.append(Epoch(number, row))

    def _forward(self, number: int, key: Key | None) -> int:
        """Return the number of the epoch that is complete, behind all others but those that are trained again."""
        before, self._position = self._position, key[1] if key and key[0] == EPOCH else self._position
        if number > self.done or number <= self.known == self.done:
            return number  # the latter where it goes on from an earlier state than that of its last report
        if before is not None and self._position is not None and self._position < before:
            name = self.unit or EPOCH
            told = f"{name} {self._position:g} was reported after {name} {before:g}"
            self.messages.append(f"{told}: from there on it counts from {self.done + 1}")
        self._offset += self.done + 1 - number
        return self.done + 1
