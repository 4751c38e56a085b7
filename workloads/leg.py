"""Runs legs, one after the other: builds a leg's members, trains them an epoch at a time, saves and scores them."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import nn

from search_spaces.hyperparameters import complete, hyperparameters
from search_spaces.legs import Exhibit, Leg, Member, MemberEpoch, Saved, Scored, Value
from workloads import checkpoint
from workloads.checkpoint import Progress
from workloads.data import SearchData, TestData
from workloads.evaluate import over
from workloads.exhibits import exhibits
from workloads.loop import Loop, Setup, State, Trainee
from workloads.registry import Infeasible, workload
from workloads.resident import standardised, tensor
from workloads.widths import cohort_loops

KEPT_FORMS = 4
"""Forms of the data that a lane keeps prepared."""


@dataclass(frozen=True)
class LegSetting:
    """What all legs of a sweep share."""

    workload: str
    objective: str
    goal: Literal["minimize", "maximize"]
    checkpoints: str
    """Folder (path or fsspec URI) under which each member has its own."""
    device: str = "auto"
    """``cpu``, ``cuda``, ``cuda:1`` ...; ``auto`` takes a GPU where there is one."""


@dataclass
class Aboard:
    """A member in training: which leg member it is, where its loop is, and its best epoch so far."""

    member: Member
    progress: Progress
    loop: Loop
    best: State | None = None


class LegRunner:
    """Lives as long as its lane: the data stays on the device while legs come and go."""

    def __init__(self, setting: LegSetting, search: SearchData, test: TestData | None = None) -> None:
        self.setting = setting
        auto = "cuda" if torch.cuda.is_available() else "cpu"
        device = torch.device(auto if setting.device == "auto" else setting.device)
        self._workload, self._search, self._device = workload(setting.workload), search, device
        self._setups: OrderedDict[tuple[Value, ...], Setup] = OrderedDict()
        self.test = test
        self.aboard: list[Aboard] = []
        self.leg: Leg | None = None
        self._infeasible: str | None = None

    def start(self, leg: Leg) -> list[str]:
        """Build the members and load their checkpoints. Returns messages for people.

        Members that cannot work on this data are told so by the next ``epoch``. Raises TornCheckpoint where a
        member's checkpoint is damaged: the leg then goes out again from an older one.
        """
        trainees = [Trainee(member.seed, self._hyperparameters(member)) for member in leg.members]
        self.leg, self.aboard, self._infeasible = leg, [], None
        try:
            self.setup = replace(self._setup(trainees[0].hp), horizon=leg.horizon, goal=self.setting.goal)
            places, messages = cohort_loops(self.setup, trainees, leg.stop - leg.start)
        except Infeasible as error:
            self._infeasible = f"infeasible: {error}"
            return []
        for member, (loop, k) in zip(leg.members, places, strict=True):
            self.aboard.append(self._board(leg, member, loop, k))
        return messages

    def _setup(self, hp: Any) -> Setup:
        """The data as ``hp`` wants it prepared; the last few such forms are kept for later legs."""
        known = hyperparameters(type(hp))
        key = tuple(getattr(hp, name) for name, field in known.items() if field.prepares)
        if key not in self._setups:
            data = self._workload.data(hp, self._search, self._device, torch.float32)
            self._setups[key] = Setup(self._workload, data, self.setting.objective)
            if len(self._setups) > KEPT_FORMS:
                self._setups.popitem(last=False)
        self._setups.move_to_end(key)
        return self._setups[key]

    def _hyperparameters(self, member: Member) -> Any:
        cls = self._workload.hyperparameters
        return cls(**complete(cls, member.params))

    def _board(self, leg: Leg, member: Member, loop: Loop, k: int) -> Aboard:
        loop.epoch_done = leg.start
        progress = Progress(epoch=leg.start, seed=member.seed, params=dict(member.params))
        if member.checkpoint is None:
            assert leg.start == 0, f"{member.key} starts at epoch {leg.start} without a checkpoint"
            return Aboard(member, progress, loop)
        saved, state, best = checkpoint.load(member.checkpoint)
        if saved.epoch != leg.start:
            raise checkpoint.TornCheckpoint(f"{member.checkpoint}: of epoch {saved.epoch}, not {leg.start}")
        loop.load(k, state)
        kept = replace(saved, seed=member.seed, params=dict(member.params))
        return Aboard(member, kept, loop, best)

    @property
    def done(self) -> bool:
        """Whether every member has reached the leg's stop or failed."""
        if self.leg is None or self._infeasible is not None:
            return self.leg is None
        return not self.aboard or self.aboard[0].progress.epoch >= self.leg.stop

    def epoch(self) -> list[MemberEpoch]:
        """One more epoch of every member aboard. A member that diverged is told once, and leaves."""
        assert not self.done, "the leg is done"
        if self._infeasible is not None:
            return self._refuse(self._infeasible)
        told: list[MemberEpoch] = []
        for loop in self._loops():
            members = [a for a in self.aboard if a.loop is loop]
            for a, metrics, finite in zip(members, loop.epoch(), loop.finite(), strict=True):
                told.append(self._tell(a, metrics, finite))
            self._drop(loop, members, [t.failure for t in told[-len(members) :]])
        return told

    def _refuse(self, failure: str) -> list[MemberEpoch]:
        assert self.leg is not None
        self._infeasible = None
        epoch = self.leg.start + 1
        return [MemberEpoch(key=member.key, epoch=epoch, failure=failure) for member in self.leg.members]

    def _loops(self) -> list[Loop]:
        return list({id(a.loop): a.loop for a in self.aboard}.values())

    def _tell(self, a: Aboard, metrics: Mapping[str, float], finite: bool) -> MemberEpoch:
        epoch = a.progress.epoch + 1
        broken = [f"{name} is {value}" for name, value in metrics.items() if not math.isfinite(value)]
        if broken or not finite:
            shown = ", ".join(broken) or "weights are not finite"
            return MemberEpoch(key=a.member.key, epoch=epoch, metrics=metrics, failure=f"diverged: {shown}")
        a.progress = replace(a.progress, epoch=epoch)
        value, best = metrics[self.setting.objective], a.progress.best_value
        if best is None or (value > best if self.setting.goal == "maximize" else value < best):
            a.progress = replace(a.progress, best_epoch=epoch, best_value=value, best_metrics=dict(metrics))
            if self.leg is not None and self.leg.purpose == "final":
                a.best = a.loop.state(self._place(a)).model
        return MemberEpoch(key=a.member.key, epoch=epoch, metrics=metrics)

    def _place(self, a: Aboard) -> int:
        return [other for other in self.aboard if other.loop is a.loop].index(a)

    def _drop(self, loop: Loop, members: Sequence[Aboard], failures: Sequence[str | None]) -> None:
        if not any(failures):
            return
        keep = [k for k, failure in enumerate(failures) if failure is None]
        gone = {id(a) for a, failure in zip(members, failures, strict=True) if failure is not None}
        self.aboard = [a for a in self.aboard if id(a) not in gone]
        if keep:
            loop.keep(keep)

    def save(self) -> list[Saved]:
        """Checkpoints of all members aboard, at their present epoch."""
        return [self._save(a) for a in self.aboard]

    def _save(self, a: Aboard) -> Saved:
        uri = checkpoint.folder(self.setting.checkpoints, a.member.key, a.progress.epoch)
        checkpoint.save(uri, a.progress, a.loop.state(self._place(a)), a.best)
        return Saved(key=a.member.key, epoch=a.progress.epoch, uri=uri)

    def exhibits(self) -> list[Exhibit]:
        """What the members' models make, at the leg's end or, where the workload says so, after every epoch.

        Of a final member the model is that of its best epoch.
        """
        if self._workload.exhibit is None or not (self.done or self._workload.exhibit_epochs):
            return []
        return [shown for a in self.aboard for shown in self._exhibits(a)]

    def _exhibits(self, a: Aboard) -> list[Exhibit]:
        model = self._model(a, a.best or a.loop.state(self._place(a)).model)
        epoch = a.progress.best_epoch if a.best else a.progress.epoch
        return exhibits(self.setup, model, epoch, a.member.key)

    def _model(self, a: Aboard, weights: State) -> nn.Module:
        model = self.setup.build(Trainee(a.member.seed, self._hyperparameters(a.member)))
        model.load_state_dict(weights)
        return model.eval()

    def score(self) -> list[Scored]:
        """Final members on the locked test split: ``test_*``, and ``val_*`` of the same, their best, epoch."""
        assert self.test is not None and self.leg is not None and self.leg.purpose == "final"
        return [self._score(a, self.test) for a in self.aboard]

    def _score(self, a: Aboard, test: TestData) -> Scored:
        assert a.best is not None and a.progress.best_metrics is not None
        data = self.setup.data
        model = self._model(a, a.best)
        x, y = tensor(test.x).to(data.device), standardised(tensor(test.y).to(data.device), data.shape)
        with self.setup.autocast():
            measured = over(self.setup.task(), model, data.raw(test.columns), (x, y))
        metrics = {f"test_{name}": float(value) for name, value in measured.items()}
        validated = {name: v for name, v in a.progress.best_metrics.items() if name.startswith("val_")}
        return Scored(key=a.member.key, best_epoch=a.progress.best_epoch, metrics={**validated, **metrics})
