"""A member in training: its progress, its best epoch, and whether it diverged or stopped improving."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from search_spaces.criteria.metric_names import EPOCH
from search_spaces.race.legs import Leg, Member, MemberEpoch
from search_spaces.types.failure import FailureReason
from search_spaces.types.objective import Objective
from search_spaces.types.trial_names import trial_name
from workloads.legs import checkpoint
from workloads.legs.checkpoint import Progress
from workloads.training.process_group import ProcessGroup
from workloads.training.setup import Loop, MemberState, SelfRunning

LOSSES = ("train_loss", "val_loss")
UNTESTED = 2
"""How much an epoch at least lacks that has not the test metric by which a final member is judged."""
SAME = 0.02
"""Difference, relative or absolute, up to which two measurements of one model are equal: precisions may differ."""


@dataclass
class TrainingMember:
    """A member of the present leg: its loop, its progress, and in final legs the model of its best epoch."""

    member: Member
    hp: Any
    progress: Progress
    loop: Loop
    best: MemberState | None = None
    last: MemberState | None = None
    """State at the epoch at which it stopped improving and left its loop, before the leg's stop; else None."""
    saved: bool = False
    """Whether ``last`` is in a checkpoint."""
    recorded: Mapping[int, Set[str]] = field(default_factory=dict)
    """Names of the metrics of the latest epoch in the learning curves, by the epoch."""

    @property
    def value(self) -> float:
        """The objective's value at the best epoch; the member must have one."""
        assert self.progress.best_value is not None
        return self.progress.best_value

    @property
    def validated(self) -> dict[str, float]:
        """The ``val_*`` metrics of the best epoch; the member must have one."""
        assert self.progress.best_metrics is not None
        return {name: v for name, v in self.progress.best_metrics.items() if name.startswith("val_")}

    def mismatch(self, metrics: Mapping[str, float], objective: Objective) -> str | None:
        """Return a message where the saved model does not have the objective that training reported, else None.

        ``metrics`` are those of the saved model on the same rows.
        """
        found = metrics.get(objective.name, self.value)
        if math.isclose(found, self.value, rel_tol=SAME, abs_tol=SAME):
            return None
        told = f"{objective.name} of the saved model is {found:.4g}, and training reported {self.value:.4g}"
        return f"{told}: what is judged may not be what was optimised"

    @property
    def epoch(self) -> int:
        """The epoch that its loop has trained last: one that runs by itself may leave some out.

        It is told again where users' code has ended behind it.
        """
        if isinstance(self.loop, SelfRunning):
            return self.loop.epoch_done
        return self.progress.epoch + (not self.settled)

    @property
    def able(self) -> bool:
        """Whether training can go on from what its loop saves."""
        return self.loop.saves if isinstance(self.loop, SelfRunning) else True

    @property
    def settled(self) -> bool:
        """Whether its training has ended by itself."""
        return bool(getattr(self.loop, "finished", False))

    def spend(self, seconds: float) -> None:
        """Record ``seconds`` of training, its share of an epoch."""
        self.progress = replace(self.progress, seconds=self.progress.seconds + seconds)

    def measured(
        self, metrics: Mapping[str, float], finite: bool, objective: Objective, lacks: int = 0
    ) -> MemberEpoch:
        """Record an epoch's metrics, and return its report: whether the member diverged or is finished.

        It diverged if the objective, a loss, or any of its weights (``finite`` False) is not finite. Other metrics
        may be undefined on this data. Of equally good epochs the last is the best, as in the race. An epoch that
        lacks less of what a final member is judged by comes before all others, whatever its value.
        While the test metric is lacking, patience ends nothing.
        """
        epoch, key = self.epoch, self.member.key
        deciding = {name: value for name, value in metrics.items() if name in (objective.name, *LOSSES)}
        where = getattr(self.loop, "where", {})
        broken = [f"{name} is {v}{where.get(name, '')}" for name, v in deciding.items() if not math.isfinite(v)]
        if broken or not finite:
            shown = ", ".join(broken) or "weights are not finite"
            return MemberEpoch(key=key, epoch=epoch, metrics=metrics, failure=FailureReason("diverged", shown))
        value, before = metrics[objective.name], self.progress
        self.progress = replace(before, epoch=epoch, num_stale=before.num_stale + 1)
        reaches = lacks == before.best_lacks and objective.reaches(value, before.best_value)
        if before.best_value is None or lacks < before.best_lacks or reaches:
            self.progress = replace(self.progress, best_epoch=epoch, best_value=value, best_metrics=dict(metrics))
            self.progress = replace(self.progress, best_lacks=lacks)
        least = self._number("min_improvement")
        if objective.signed(before.reference) - objective.signed(value) > least:
            self.progress = replace(self.progress, reference=value, num_stale=0)
        finished = self.settled or (self.impatient and self.progress.best_lacks < UNTESTED)
        return MemberEpoch(key=key, epoch=epoch, metrics=metrics, finished=finished)

    @property
    def impatient(self) -> bool:
        """Whether it has not improved for so many epochs that its patience ends it."""
        return 0 < self._number("patience") <= self.progress.num_stale

    def _number(self, name: str) -> float:
        """Return a hyperparameter; 0 where there is none, or users' code has other values of this name."""
        value = getattr(self.hp, name, 0)
        return value if isinstance(value, int | float) else 0

    def record(self, metrics: Mapping[str, float]) -> None:
        """Append an epoch's metrics to the learning curves, which only final members keep.

        Of an epoch that is told again, as the last one of a script, what is new of it.
        """
        past, epoch = self.progress.curves or {}, self.progress.epoch
        again = self.recorded.get(epoch, {EPOCH})  # the number of the epoch is no curve
        curves = {name: [*past.get(name, ()), value] for name, value in metrics.items() if name not in again}
        kept = past if epoch in self.recorded else {}
        self.recorded = {epoch: again | metrics.keys()}
        self.progress = replace(self.progress, curves={**kept, **curves})

    def other_epoch(self, last: MemberState) -> str | None:
        """Return a message where users' code saved nothing at its best epoch, but at the last one; else None."""
        if self.best is None or self.best.files is not None or last.files is None:
            return None
        who = f"{trial_name(self.member.trial)} with seed {self.member.seed}"
        told = f"{who} saved nothing at epoch {self.progress.best_epoch}, its best, by which it is judged"
        return f"{told}: what is kept is of epoch {self.progress.epoch}"


def passed_over(leg: Leg, aboard: Sequence[TrainingMember], objective: Objective) -> set[str]:
    """Return the keys of members at the leg's horizon that need no checkpoint, by its ``keep`` and ``floor``."""
    if leg.keep is None:
        return set()
    ended = sorted((a for a in aboard if a.progress.epoch == leg.horizon), key=lambda a: a.member.trial)
    ranked = objective.ranked(ended, lambda a: a.value)
    return {a.member.key for i, a in enumerate(ranked) if i >= leg.keep or objective.better(leg.floor, a.value)}


def board(leg: Leg, member: Member, hp: Any, place: tuple[Loop, int], group: ProcessGroup) -> TrainingMember:
    """Return the member at its ``place`` (loop, index in the loop), its checkpoint loaded if it has one.

    Raises TornCheckpoint where that is damaged or not of the leg's first epoch.
    """
    loop, k = place
    loop.epoch_done = leg.start
    if member.checkpoint is None:
        assert leg.start == 0, f"{member.key} starts at epoch {leg.start} without a checkpoint"
        return TrainingMember(member, hp, Progress(epoch=0, seed=member.seed, params=dict(member.params)), loop)
    saved, state, best = checkpoint.load(member.checkpoint, partial(loop.state, k), group)
    if saved.epoch != leg.start:
        raise checkpoint.TornCheckpoint(f"{member.checkpoint}: of epoch {saved.epoch}, not {leg.start}")
    loop.load(k, state)
    return TrainingMember(member, hp, replace(saved, seed=member.seed, params=dict(member.params)), loop, best)
