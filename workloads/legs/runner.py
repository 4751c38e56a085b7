"""Runs legs, one after the other: builds a leg's members, trains them an epoch at a time, saves and scores them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from torch import nn

from search_spaces.criteria.metric_names import is_of_test
from search_spaces.race.legs import Exhibit, Leg, Member, MemberEpoch, Saved, Scored
from search_spaces.types.failure import FailureReason
from search_spaces.types.plain import ASKED_FOR
from search_spaces.types.problems import COSTS_OF_MODEL
from workloads.arrays import Infeasible
from workloads.data.search_data import SearchData, TestData
from workloads.data.streaming.stream import Shard
from workloads.legs import checkpoint, predictions
from workloads.legs.costs import Costs
from workloads.legs.exhibits import exhibits, logged_by
from workloads.legs.inputs import InputCache
from workloads.legs.member import UNTESTED, TrainingMember, board, passed_over
from workloads.legs.own_test import OwnTest, on_beyond_patience
from workloads.legs.score import scores
from workloads.legs.setting import LegSetting
from workloads.registry import workload
from workloads.tasks import by_hand
from workloads.training.choose_width import cohort_loops
from workloads.training.folds import FoldedLoop, of_fold
from workloads.training.memory_limits import Memory, MemoryEnded, Result, attempt
from workloads.training.process_group import ALONE, ProcessGroup, scaled
from workloads.training.setup import Loop, MemberState, SelfRunning, Setup, Trainee, restore

__all__ = ["LegRunner", "LegSetting"]


class LegRunner:
    """Runs a lane's legs; the data stays on the device from leg to leg.

    Each process of ``group`` has a runner of its own, and all call the same methods in the same order. Only the
    first process writes checkpoints, but for shards of weights, and only its results count.
    """

    def __init__(
        self,
        setting: LegSetting,
        search: SearchData,
        test: TestData | None = None,
        group: ProcessGroup = ALONE,
        shard: Shard | None = None,
    ) -> None:
        assert (shard is None) == (search.stream is None), "all examples of a stream are to be trained on"
        self.setting, self.group = setting, group
        self._workload, self._search = workload(setting.workload), search
        self._forms = InputCache(self._workload, search, setting.torch_device(), shard)
        self.test = test
        self._own_test = OwnTest.of(self._workload, search.given, setting.objective.name, setting.command)
        self._memory = Memory()
        self._costs = Costs(self._workload, setting.torch_device(), lambda text: self._messages.append(text))
        self.aboard: list[TrainingMember] = []
        self.ended: list[TrainingMember] = []
        """Members that stopped improving before the leg's stop."""
        why = by_hand.why_off()
        self._messages = [] if why in (None, ASKED_FOR) else [f"{why}: {by_hand.WITHOUT}"]
        self.leg: Leg | None = None
        self.stopped: Callable[[], bool] = bool
        """Whether the leg is to end before its stop: for loops that wait long for an epoch's end."""
        self._refusal: FailureReason | None = None

    def start(self, leg: Leg) -> list[str]:
        """Build the members and load their checkpoints. Returns messages for people.

        If the members cannot work on this data or in this memory, the next ``epoch`` reports their failure. Raises
        TornCheckpoint where a member's checkpoint is damaged: the race then repeats the leg from an older one.
        """
        self.leg, self.ended, self._refusal = leg, [], None
        self._costs.begin()
        return self._begin(leg)

    @property
    def fused(self) -> int:
        """Largest number of members that are trained in one program."""
        return max((len(loop.members) for loop in self._loops()), default=1)

    def take_messages(self) -> list[str]:
        """Return the messages for people since the last call, and forget them."""
        for loop in self._self_running():
            self._messages += loop.messages
            loop.messages.clear()
        taken, self._messages = self._messages, []
        return taken

    def _begin(self, leg: Leg, ended_at: int = 0) -> list[str]:
        """Build the leg's members, with less in memory at a time after each out-of-memory.

        ``ended_at`` is the number of members whose program did not fit into memory, 0 at a leg's start.
        """
        self.aboard, messages = [], None
        hp = self._hyperparameters(leg.members[0])
        try:
            while messages is None:
                if ended_at:
                    self._messages.append(self._memory.tighten(hp, ended_at, len(self._search.train)))
                self.aboard = []
                messages = self._attempt(lambda: self._build(leg))
                ended_at = (self._memory.bound(hp).width or len(leg.members)) if self._workload.fusable else 1
            return messages
        except Infeasible as error:
            self._refusal = FailureReason("infeasible", str(error))
        except MemoryEnded as error:
            self._refusal = FailureReason("out_of_memory", str(error))
        return []

    def _build(self, leg: Leg) -> list[str]:
        trainees = [Trainee(m.seed, self._hyperparameters(m), m.trial) for m in leg.members]
        places, messages = self._places(leg, trainees)
        for member, trainee, place in zip(leg.members, trainees, places, strict=True):
            self.aboard.append(board(leg, member, trainee.hp, place, self.group))
        return messages

    def _places(self, leg: Leg, trainees: Sequence[Trainee]) -> tuple[Sequence[tuple[Loop, int]], list[str]]:
        """Return each member's (loop, place): search members train in all folds, final ones on the split alone."""
        hp, num_epochs = trainees[0].hp, leg.stop - leg.start
        if leg.purpose == "final" or not self._search.folds:
            self.setup = self._setup(hp, leg)
            return cohort_loops(self.setup, trainees, num_epochs)
        setups = [self._setup(hp, leg, fold) for fold in range(len(self._search.folds))]
        self.setup = setups[0]
        loop = FoldedLoop(setups, trainees, num_epochs)
        return [(loop, k) for k in range(len(trainees))], loop.messages

    def _setup(self, hp: Any, leg: Leg, fold: int | None = None) -> Setup:
        """Return the data prepared as ``hp`` says, with the memory limits that are known for its signature."""
        bound, form = self._memory.bound(hp), self._forms.setup(hp, self.setting.objective, fold)
        form = replace(form, width=bound.width, micro_batch=bound.micro_batch, fold=fold)
        form = replace(form, horizon=leg.horizon, stop=leg.stop, group=self.group, purpose=self._purpose)
        if (setting := self.setting).command is None:
            return form
        form = replace(form, command=setting.command, sweep=setting.sweep, project=setting.project)
        return replace(form, others=tuple(setting.criteria.names), stopped=self.stopped)

    @property
    def _purpose(self) -> Literal["search", "final"]:
        """Purpose of the leg as users' code knows it: members with further seeds are of the search."""
        return "final" if self.leg is not None and self.leg.purpose == "final" else "search"

    def _attempt(self, action: Callable[[], Result]) -> Result | None:
        """Return what ``action`` returns, or None where memory ended, if this process trains alone.

        In a group of several the error is raised: the others cannot know of it, so all begin anew.
        """
        return attempt(action) if self.group.alone else action()

    def _hyperparameters(self, member: Member) -> Any:
        hp = self._workload.hyperparameters(**member.params)
        factor, lr = scaled(self.setting.lr_scaling, self.group.size), getattr(hp, "lr", None)
        return hp if factor == 1 or not isinstance(lr, int | float) else replace(hp, lr=lr * factor)

    @property
    def done(self) -> bool:
        """Whether every member has reached the leg's stop, failed, or was finished before."""
        if self.leg is None or self._refusal is not None:
            return self.leg is None
        return not self.aboard or self.aboard[0].progress.epoch >= self.leg.stop

    def epoch(self) -> list[MemberEpoch]:
        """Train every member for one more epoch; a member that diverged or is finished leaves with its report.

        Returns no report where memory ended: training goes back to the leg's last checkpoints, and continues with
        less in memory at a time.
        """
        assert self.leg is not None and not self.done, "the leg is done"
        if self._refusal is not None:
            return self._refuse(self._refusal)
        reports = self._attempt(self._epoch)
        if reports is None:
            keys = {a.member.key for a in self.aboard}
            self.leg = replace(self.leg, members=tuple(m for m in self.leg.members if m.key in keys))
            self._begin(self.leg, max(len(a.loop.members) for a in self.aboard))
        return reports or []

    def _epoch(self) -> list[MemberEpoch]:
        reports: list[MemberEpoch] = []
        for loop, metrics, finite, seconds in [self._trained(loop) for loop in self._loops()]:
            if not metrics:  # it is not to go on here
                continue
            members = [a for a in self.aboard if a.loop is loop]
            share_s = seconds / len(members)
            # What trains in processes of its own does not use the memory of this one.
            shared = {} if isinstance(loop, SelfRunning) else self._costs.of_epoch(self.setup, share_s)
            new = [
                self._tell(a, measured, able, self._cost(a, share_s, shared))
                for a, measured, able in zip(members, metrics, finite, strict=True)
            ]
            self._drop(loop, members, new)
            reports += new
        return reports

    @staticmethod
    def _trained(loop: Loop) -> tuple[Loop, list[dict[str, float]], list[bool], float]:
        """Train an epoch; return the loop, its members' metrics, whether they are finite, and the seconds."""
        begun = time.perf_counter()
        metrics = loop.epoch()
        return loop, metrics, loop.finite(), time.perf_counter() - begun

    def _cost(self, a: TrainingMember, share_s: float, shared: Mapping[str, float]) -> dict[str, float]:
        """Return what a member costs after an epoch, beside what its loop's share; of its model once a leg."""
        assert self.leg is not None
        a.spend(share_s)
        found = {**shared, "training_s": a.progress.seconds}
        if a.progress.epoch == self.leg.start and self.group.first:
            found |= self._costs.of_model(self.setup, Trainee(a.member.seed, a.hp))
        return self.group.agree(found) if self.setting.criteria else found

    def _refuse(self, failure: FailureReason) -> list[MemberEpoch]:
        assert self.leg is not None
        self._refusal = None
        epoch = self.leg.start + 1
        return [MemberEpoch(key=member.key, epoch=epoch, failure=failure) for member in self.leg.members]

    @property
    def resumable(self) -> bool:
        """Whether training can go on from the members' checkpoints; else it begins anew in another process."""
        return all(getattr(loop, "resumable", True) for loop in self._loops())

    def leave(self) -> None:
        """Drop the leg's members, once all is taken that is wanted of them."""
        self.close()
        self.leg, self.aboard, self.ended = None, [], []

    def close(self) -> None:
        """End what members train in processes of their own."""
        for loop in self._self_running():
            loop.close()

    def _self_running(self) -> list[SelfRunning]:
        return [a.loop for a in (*self.aboard, *self.ended) if isinstance(a.loop, SelfRunning)]

    def _loops(self) -> list[Loop]:
        return list({id(a.loop): a.loop for a in self.aboard}.values())

    def _tell(
        self, a: TrainingMember, metrics: Mapping[str, float], finite: bool, costs: Mapping[str, float]
    ) -> MemberEpoch:
        assert self.leg is not None
        final = self.leg.purpose == "final"
        tested = self._own_test.reported if final and self._own_test else None
        report = a.measured(metrics, finite, self.setting.objective, self._lacks(a, metrics) if final else 0)
        self._messages += [told] if tested and (told := on_beyond_patience(a, report, tested)) else []
        metrics = {name: value for name, value in metrics.items() if not (tested and is_of_test(name))}
        report = replace(report, metrics={**costs, **metrics})
        if report.failure is None and (broken := self._broken(report.metrics)):
            return replace(report, failure=FailureReason("constraint", broken))
        if final and report.failure is None:
            if report.epoch > self.leg.start:  # else it is told again, by what ended where it was to go on
                a.record(metrics)
            if a.progress.best_epoch == report.epoch:
                a.best = replace(self._state(a), optimizer={})
        if report.finished:
            a.last = self._state(a)
        return report

    def _lacks(self, a: TrainingMember, metrics: Mapping[str, float]) -> int:
        """Return how much an epoch of users' code lacks: 2 where the test metric does, 1 where it saved nothing.

        So what a final member is judged by is what is kept of it, and predicts, where any epoch has both.
        """
        if not self._workload.own_data:
            return 0
        tested = self._own_test.reported if self._own_test else None
        saves = self.group.agree(getattr(a.loop, "resumable", True))
        return UNTESTED * (tested is not None and tested not in metrics) + (not saves)

    def _broken(self, metrics: Mapping[str, float]) -> str | None:
        """Return which constraints a member of the search breaks for good; of its model the first leg tells."""
        assert self.leg is not None
        if self.leg.purpose == "final":
            return None
        known = metrics.keys() - (COSTS_OF_MODEL if self.leg.start else ())
        return self.setting.criteria.broken({name: metrics[name] for name in known})

    def _state(self, a: TrainingMember) -> MemberState:
        return a.last or a.loop.state(self._place(a))

    def _place(self, a: TrainingMember) -> int:
        return [other for other in self.aboard if other.loop is a.loop].index(a)

    def _drop(self, loop: Loop, members: Sequence[TrainingMember], reports: Sequence[MemberEpoch]) -> None:
        keep = [k for k, report in enumerate(reports) if report.failure is None and not report.finished]
        if len(keep) == len(members):
            return
        if isinstance(loop, SelfRunning) and not any(report.finished for report in reports):
            loop.close()
        staying = {id(members[k]) for k in keep}
        self.ended += [a for a, report in zip(members, reports, strict=True) if report.finished]
        self.aboard = [a for a in self.aboard if a.loop is not loop or id(a) in staying]
        if keep:
            loop.keep(keep)

    def save(self, over: bool = False) -> list[Saved]:
        """Save all members at their present epoch, and each finished member once. ``over``: the leg ends now.

        A member that needs no checkpoint, or whose checkpoint cannot be written, is returned with ``uri`` None.
        The latter raises NotKept in a final leg.
        """
        assert self.leg is not None
        needless = passed_over(self.leg, self.aboard, self.setting.objective) if self.group.alone else ()
        for loop in self._self_running() if over else ():
            loop.pause()  # and then it may have nothing to save
        due = [a for a in (*self.aboard, *self.ended) if not a.saved and (a.able or self.done)]
        saved = [self._save(a, a.member.key in needless) for a in due]
        if saved and self.aboard and not self.done and not any(done.not_kept for done in saved):
            uris = {done.key: done.uri for done in saved}
            members = tuple(replace(a.member, checkpoint=uris[a.member.key]) for a in self.aboard)
            self.leg = replace(self.leg, start=self.aboard[0].progress.epoch, members=members)
        return saved

    def _save(self, a: TrainingMember, needless: bool) -> Saved:
        if needless or not self._leaves(a):
            return Saved(key=a.member.key, epoch=a.progress.epoch, uri=None)
        uri = checkpoint.folder(self.setting.checkpoints, a.member.key, a.progress.epoch)
        state = self._state(a)
        if self.group.first or state.sharded:
            try:
                checkpoint.save(uri, a.progress, state, a.best, self.group)
            except checkpoint.NotKept as error:
                if self.leg is None or self.leg.purpose == "final":  # its weights are what it is trained for
                    raise
                return Saved(key=a.member.key, epoch=a.progress.epoch, uri=None, not_kept=str(error))
        a.saved = a.last is not None
        return Saved(key=a.member.key, epoch=a.progress.epoch, uri=uri)

    def _leaves(self, a: TrainingMember) -> bool:
        """Return whether a member leaves anything to save: at its end also one that cannot go on from it."""
        assert self.leg is not None
        if a.able or self.leg.purpose == "final":
            return True
        return self.group.agree(self._state(a).files is not None)

    def logged(self, over: bool = False) -> list[Exhibit]:
        """Return what users' code has logged since the last call. ``over``: the leg ends now, with the code."""
        for loop in self._self_running() if over else ():
            loop.pause()
        found = logged_by([*self.aboard, *self.ended], self._messages)
        return found if self.group.first else []

    def exhibits(self) -> list[Exhibit]:
        """Return the members' exhibits (a final member's show its best epoch); empty where the workload has none.

        They are made at the leg's end, or after each epoch if the workload says so. What users' code has logged is
        among them.
        """
        members = [*self.aboard, *self.ended] if self.done else self.aboard
        logged = self.logged()
        if self._workload.exhibit is None or not (self.done or self._workload.exhibit_epochs):
            return logged
        return [*logged, *(shown for a in members for shown in self._exhibits(a))]

    def _exhibits(self, a: TrainingMember) -> list[Exhibit]:
        state = (a.best or self._state(a)).whole()
        if not self.group.first:
            return []
        model = self._model(a, replace(state, model=of_fold(state.model, 0)))
        epoch = a.progress.best_epoch if a.best else a.progress.epoch
        return exhibits(self.setup, model, epoch, a.member.key)

    def _model(self, a: TrainingMember, state: MemberState) -> nn.Module:
        model = self.setup.build(Trainee(a.member.seed, a.hp))
        restore(model, state)
        return model.eval()

    def score(self) -> list[Scored]:
        """Return final members' ``test_*`` metrics on the locked test split, and ``val_*`` of the same best epoch.

        Empty in all processes of a group but the first. Raises Untested where users' code is to measure itself, and
        has not.
        """
        members = [*self.aboard, *self.ended]
        best = [a.best and a.best.whole() for a in members]
        if not self.group.first:
            return []
        assert self.test is not None and self.leg is not None and self.leg.purpose == "final"
        own = members if self._workload.own_data and self.group.alone else []
        self._messages += [told for a in own if a.able and (told := a.other_epoch(self._state(a)))]
        if self._own_test is not None:
            return self._own_test.scored(self.leg, members, self.setting.objective.name)
        return [self._score(a, state, self.test) for a, state in zip(members, best, strict=True)]

    def _score(self, a: TrainingMember, best: MemberState | None, test: TestData) -> Scored:
        assert best is not None
        found = scores(self.setup, self._model(a, best), test, self.setup.at_once(a.hp))
        self._messages += [told] if (told := a.mismatch(found.metrics, self.setting.objective)) else []
        if self._workload.judge is None:
            root, key = self.setting.checkpoints, a.member.key
            self._messages += predictions.keep(root, key, found.task, found.values, found.y)
        return Scored(key=a.member.key, best_epoch=a.progress.best_epoch, metrics={**found.metrics, **a.validated})
