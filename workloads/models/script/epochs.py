"""Puts what a script reports together to epochs, whatever the script counts.

The rules, in their order. With ``steps`` of the spec the number of an epoch is the value of that metric, or the
step that the report was logged with. Else a reported ``epoch`` that is a whole number is the epoch's number; a
script whose first one is 0 counts from 0, any other from 1, also one that reports parts of epochs. Else each report
of the sweep's metric is one epoch more. Reports of one step are one epoch. Where neither number says of which epoch
a report is, what comes before the sweep's metric is of its epoch, and what comes behind it, too, until a name comes
once more. Step 0 behind later ones is MLflow's default, and says nothing. What comes for an epoch that is told
already, or may, is left out unless it was the last one, and its names are waited for from then on.
"""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace

EPOCH = "epoch"


@dataclass(frozen=True)
class Report:
    """Metrics that a script logged at once, and the step that it logged them with."""

    metrics: Mapping[str, float]
    step: float | None = None
    counted: bool = False
    """Whether the step is the number of the report, so that another step may be of the same epoch."""


@dataclass(frozen=True)
class Epoch:
    """The end of an epoch, with its metrics."""

    number: int
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Ahead:
    """What a script has reported beyond the epoch that is told, as a copy is made of what it has saved.

    A fast one is further then, and so is the copy: these epochs are kept with it, and told where training goes on.
    """

    told: Mapping[str, float] = field(default_factory=dict)
    """Metrics of the last epoch that was told."""
    epochs: tuple[Epoch, ...] = ()
    """Epochs behind that one, in order."""
    ended: bool = False
    """Whether the script has ended by itself behind them."""
    params: str = ""
    """The hyperparameters with which they were trained: a schedule may have others go on from the copy."""

    @classmethod
    def of(cls, epochs: Sequence[Epoch], rest: Mapping[str, float], ended: bool) -> Ahead:
        """Return it; of a script that has ``ended`` the ``rest`` behind its last epoch is of that one."""
        if not (ended and epochs):
            return cls(rest if ended else {}, tuple(epochs), ended)
        last = epochs[-1]
        return cls({}, (*epochs[:-1], Epoch(last.number, {**rest, **last.metrics})), ended)

    def packed(self) -> bytes:
        """Return it as a checkpoint holds it."""
        epochs = [[epoch.number, dict(epoch.metrics)] for epoch in self.epochs]
        found = {"told": dict(self.told), "epochs": epochs, "ended": self.ended, "params": self.params}
        return json.dumps(found).encode()

    @classmethod
    def unpacked(cls, saved: bytes) -> Ahead:
        """Return what ``packed`` has returned."""
        found = json.loads(saved)
        epochs = tuple(Epoch(number, metrics) for number, metrics in found["epochs"])
        return cls(found["told"], epochs, found["ended"], found["params"])


@dataclass
class Row:
    """What was reported of one epoch so far."""

    metrics: dict[str, float] = field(default_factory=dict)
    position: float | None = None
    """Number of the epoch as the script counts; None where no report says it."""
    steps: set[float] = field(default_factory=set)
    apart: set[str] = field(default_factory=set)
    """Names that came in reports without the sweep's metric."""

    def take(self, report: Report, position: float | None, apart: bool) -> None:
        """Add a report at its ``position``; ``apart``: it does not have the sweep's metric."""
        self.metrics |= report.metrics
        self.position = self.position if position is None else position
        self.steps |= set() if report.step is None else {report.step}
        self.apart |= report.metrics.keys() if apart else set()

    def has(self, report: Report, position: float | None) -> bool | None:
        """Return whether a report is of this epoch, by its numbers; None where they do not say it."""
        if position is not None and self.position is not None:
            return position == self.position
        if report.step is None or not self.steps:
            return None
        return True if report.step in self.steps else None if report.counted else False


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
    _begun: tuple[int, int | None] = field(init=False)
    _told: int = field(default=0, init=False)
    """Number of the last epoch that ``next`` has returned."""
    _offset: int = field(default=0, init=False)
    _row: Row = field(default_factory=Row, init=False)
    _last: Row | None = field(default=None, init=False)
    _by_silence: bool = field(default=False, init=False)
    """Whether the last epoch was told before the next one began, so that something of it may have come later."""
    _leading: set[str] = field(default_factory=set, init=False)
    """Names that have come before the sweep's metric, or with it."""
    _behind: dict[str, float] = field(default_factory=dict, init=False)
    """What has come behind the last epoch that was told, and is of that one."""
    _told_late: set[str] = field(default_factory=set, init=False)
    _has_unit: bool = field(default=False, init=False)
    _position: float | None = field(default=None, init=False)
    _ready: deque[Epoch] = field(default_factory=deque, init=False)

    def __post_init__(self) -> None:
        self._begun = self.done, self.first

    def restart(self) -> None:
        """Forget what was reported, as all of it comes again from another source; what was told stays told."""
        self.known = max(self.known, self._told)
        self.done, self.first = self._begun
        self._offset, self._row, self._last, self._by_silence = 0, Row(), None, False
        self._leading, self._behind, self._position, self._has_unit = set(), {}, None, False
        self._ready.clear()

    def add(self, report: Report) -> None:
        """Take up a report."""
        report = self._without_default(report)
        self.names |= dict.fromkeys(report.metrics)
        position = self._place(report)
        if self._is_late(report, position):
            self._behind |= report.metrics
            self.expected |= report.metrics.keys() - {self.metric, self.unit or EPOCH}
            return
        if self.pending and self._is_next(report, position):
            self._close()
        self._row.take(report, position, apart=self.metric not in report.metrics)
        self._leading |= self._row.metrics.keys() if self.metric in report.metrics else set()

    def _without_default(self, report: Report) -> Report:
        """Return a report without its step, where that is MLflow's default, 0, amid later ones: it says nothing."""
        steps = self._row.steps or (self._last.steps if self._last else set())
        if report.step != 0 or self.metric in report.metrics or max(steps, default=0) <= 0:
            return report
        return replace(report, step=None)

    def _is_next(self, report: Report, position: float | None) -> bool:
        """Whether a report begins the epoch behind the pending one."""
        said = self._row.has(report, position)
        again = self._row.apart | {self.metric}
        return not report.metrics.keys().isdisjoint(again) if said is None else not said

    def _is_late(self, report: Report, position: float | None) -> bool:
        """Whether a report is, or may be, of the epoch that was told last."""
        if self._last is None or self.pending:
            return False
        said = self._last.has(report, position)
        if said is None and self._row.has(report, position) is None:
            return self._by_silence and position is None and self._leading.isdisjoint(report.metrics)
        return bool(said)

    def next(self, over: bool = False) -> Epoch | None:
        """Return the next epoch that is complete, None where there is none; ``over``: no more of it will follow."""
        if over and self.pending and not self._ready:
            self._close()
            self._by_silence = True
        if not self._ready:
            return None
        found = self._ready.popleft()
        self._told = found.number
        return found

    def ahead(self) -> tuple[list[Epoch], Mapping[str, float]]:
        """Return the epochs that ``next`` would return if nothing more was reported, and the ``rest`` behind them.

        They stay to be returned.
        """
        left, found = deepcopy(self), list[Epoch]()
        while (epoch := left.next(over=True)) is not None:
            found.append(epoch)
        return found, left.rest

    @property
    def pending(self) -> bool:
        """Whether the sweep's metric was reported for an epoch that may not be complete yet."""
        return self.metric in self._row.metrics

    @property
    def complete(self) -> bool:
        """Whether all is there of the pending epoch that is expected with each."""
        return self.pending and self.expected <= self._row.metrics.keys()

    @property
    def rest(self) -> Mapping[str, float]:
        """What was reported since the last epoch, without the sweep's metric: no epoch has it."""
        names = self._behind.keys() - {self.metric}
        return {} if self.pending else {**{name: self._behind[name] for name in names}, **self._row.metrics}

    @property
    def num_ready(self) -> int:
        """Number of epochs that ``next`` returns at once."""
        return len(self._ready)

    @property
    def last_ready(self) -> int:
        """Number of the epoch that ``next`` returns, if the sweep's metric has not come again since; else 0."""
        return self._ready[0].number if len(self._ready) == 1 and not self.pending else 0

    @property
    def upcoming(self) -> int:
        """Number of the epoch whose metrics are coming in."""
        return self._number_of(self._row)

    def _number_of(self, row: Row) -> int:
        if row.position is None:
            return self.done + 1
        return max(1, int(row.position) + (self.first == 0 and self.unit is None) + self._offset)

    def _place(self, report: Report) -> float | None:
        """Return the number of a report's epoch, as the script counts; None where it does not say it."""
        name = self.unit or EPOCH
        self._has_unit |= name in report.metrics
        value = report.metrics.get(name, report.step if self.unit and not self._has_unit else None)
        if value is None or not math.isfinite(value):
            return None
        if float(value).is_integer():
            if self.first is None and self.unit is None:
                self.first = 0 if value == 0 else 1
            return value
        if self.unit is None:
            self.first = 1  # parts of epochs are told: 1.0 is the end of the first one, whatever came at 0.0
        return None

    def _close(self) -> None:
        """End the pending epoch. Of the one before it nothing can come any more."""
        row, self._row = self._row, Row()
        self._leave_out()
        number = self._forward(self._number_of(row), row)
        self._last, self._by_silence = row, False
        self.done = max(self.done, number)
        if number > self.known:
            self._ready.append(Epoch(number, row.metrics))

    def _leave_out(self) -> None:
        """Say what has come too late for the epoch that was told last, once of each name."""
        if late := sorted(self._behind.keys() - {self.metric, self.unit or EPOCH} - self._told_late):
            self._told_late.update(late)
            them = "is left out there: log it" if len(late) == 1 else "are left out there: log them"
            told = f"{', '.join(late)} came after epoch {self.done} was reported, and {them}"
            self.messages.append(f"{told} before {self.metric}, or with it")
        self._behind = {}

    def _forward(self, number: int, row: Row) -> int:
        """Return the number of the epoch that is complete, behind all others but those that are trained again."""
        before, self._position = self._position, self._position if row.position is None else row.position
        if number > self.done or number <= self.known == self.done:
            return number  # the latter where it goes on from an earlier state than that of its last report
        if before is not None and self._position is not None and self._position < before:
            name = self.unit or EPOCH
            told = f"{name} {self._position:g} was reported after {name} {before:g}"
            self.messages.append(f"{told}: from there on it counts from {self.done + 1}")
        self._offset += self.done + 1 - number
        return self.done + 1
