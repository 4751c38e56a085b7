"""A member aboard a leg: its progress, its best epoch, and when its training has come to an end."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from search_spaces.race.legs import Leg, Member, MemberEpoch
from search_spaces.types.failure import FailureReason
from search_spaces.types.objective import Objective
from workloads.legs import checkpoint
from workloads.legs.checkpoint import Progress
from workloads.training.setup import Loop, MemberState, State


@dataclass
class TrainingMember:
    """A member in training: which leg member it is, where its loop is, and its best epoch so far."""

    member: Member
    hp: Any
    progress: Progress
    loop: Loop
    best: State | None = None
    last: MemberState | None = None
    """Its state where it has left its loop before the leg's stop, since it improved no more."""
    saved: bool = False
    """Whether that state is in a checkpoint."""

    @property
    def value(self) -> float:
        """The objective at its best epoch; there is one."""
        assert self.progress.best_value is not None
        return self.progress.best_value

    @property
    def validated(self) -> dict[str, float]:
        """What its best epoch measured on the validation split; there is one."""
        assert self.progress.best_metrics is not None
        return {name: v for name, v in self.progress.best_metrics.items() if name.startswith("val_")}

    def measured(self, metrics: Mapping[str, float], finite: bool, objective: Objective) -> MemberEpoch:
        """Takes what an epoch measured, and says whether the member diverged, or is finished.

        Of equal best epochs the last counts, as for the race.
        """
        epoch, key = self.progress.epoch + 1, self.member.key
        broken = [f"{name} is {value}" for name, value in metrics.items() if not math.isfinite(value)]
        if broken or not finite:
            shown = ", ".join(broken) or "weights are not finite"
            return MemberEpoch(key=key, epoch=epoch, metrics=metrics, failure=FailureReason("diverged", shown))
        value, before = metrics[objective.name], self.progress
        self.progress = replace(before, epoch=epoch, num_stale=before.num_stale + 1)
        if objective.reaches(value, before.best_value):
            self.progress = replace(self.progress, best_epoch=epoch, best_value=value, best_metrics=dict(metrics))
        patience, least = getattr(self.hp, "patience", 0), getattr(self.hp, "min_improvement", 0.0)
        if objective.signed(before.reference) - objective.signed(value) > least:
            self.progress = replace(self.progress, reference=value, num_stale=0)
        finished = 0 < patience <= self.progress.num_stale
        return MemberEpoch(key=key, epoch=epoch, metrics=metrics, finished=finished)

    def record(self, metrics: Mapping[str, float]) -> None:
        """Adds an epoch to the learning curves, which the verdict's members keep."""
        past = self.progress.curves or {}
        curves = {name: [*past.get(name, ()), value] for name, value in metrics.items()}
        self.progress = replace(self.progress, curves=curves)


def passed_over(leg: Leg, aboard: Sequence[TrainingMember], objective: Objective) -> set[str]:
    """The keys of those members that have reached the horizon and need no checkpoint, see ``Leg``."""
    if leg.keep is None:
        return set()
    ended = sorted((a for a in aboard if a.progress.epoch == leg.horizon), key=lambda a: a.member.trial)
    ranked = objective.ranked(ended, lambda a: a.value)
    return {a.member.key for i, a in enumerate(ranked) if i >= leg.keep or objective.better(leg.floor, a.value)}


def board(leg: Leg, member: Member, hp: Any, place: tuple[Loop, int]) -> TrainingMember:
    """The member at its place in its loop, its checkpoint loaded. Raises TornCheckpoint where that is damaged."""
    loop, k = place
    loop.epoch_done = leg.start
    if member.checkpoint is None:
        assert leg.start == 0, f"{member.key} starts at epoch {leg.start} without a checkpoint"
        return TrainingMember(member, hp, Progress(epoch=0, seed=member.seed, params=dict(member.params)), loop)
    saved, state, best = checkpoint.load(member.checkpoint)
    if saved.epoch != leg.start:
        raise checkpoint.TornCheckpoint(f"{member.checkpoint}: of epoch {saved.epoch}, not {leg.start}")
    loop.load(k, state)
    return TrainingMember(member, hp, replace(saved, seed=member.seed, params=dict(member.params)), loop, best)
