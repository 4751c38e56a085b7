"""A toy sweep, and a simulation that trains its legs with every kind of failure, for tests of the race."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from search_spaces.race.legs import Leg, MemberEpoch, Saved
from search_spaces.race.race import Race
from search_spaces.race.track import ENDS, Track
from search_spaces.samplers.catalogue import SAMPLERS
from search_spaces.space.domains import Choice, Uniform
from search_spaces.space.hyperparameters import hyper
from search_spaces.space.space import Space
from search_spaces.spec.data import Data
from search_spaces.spec.sweep import Metric, Sweep
from search_spaces.study.contract import Record
from search_spaces.study.study import Study
from search_spaces.types.failure import FailureReason
from search_spaces.types.objective import Objective
from search_spaces.types.values import Params

METRIC = "val_accuracy"
ACCURACY = Objective(METRIC, "maximize")

METHODS = sorted(name for name in SAMPLERS if name != "auto")
"""Every sampler once: ``auto`` answers as ``gp``, or with conditions as ``tpe``, which a test of its own shows."""


@dataclass(frozen=True, kw_only=True)
class Toy:
    """Hyperparameters of the toy workload: two in the signature, and a number."""

    lr: float = hyper(0.5, "a number", low=0, high=1)
    size: int = hyper(1, "shapes the program", low=0, shapes=True)
    kind: str = hyper("a", "shapes the program", choices=("a", "b", "c"), shapes=True)


SPACE = Space({"lr": Uniform(0, 1), "size": Choice((0, 1, 2))})
FINITE = Space({"lr": Uniform(0, 1, step=0.25), "size": Choice((0, 1, 2)), "kind": Choice(("a", "b"))})
"""A space of 30 configurations, the default one among them."""


def toy_sweep(**changes: Any) -> Sweep:
    """Return a sweep over ``SPACE`` of 12 trials and 9 epochs, with ASHA at rungs 1, 3, 9."""
    base: dict[str, Any] = {"name": "toy", "workload": "toy", "data": Data(name="digits"), "space": SPACE}
    base |= {"metric": Metric(name=METRIC, goal="maximize"), "method": "random", "trials": 12, "epochs": 9}
    return Sweep(**{**base, "final": None, **changes})


def curve(params: Params, epoch: int) -> float:
    """Return the objective after an epoch: it rises towards a limit that depends on ``params``; curves cross."""
    lr, size = float(params["lr"] or 0), float(params["size"] or 0)
    shrunk: float = 0.8 ** (epoch * (0.3 + lr))
    return round((1 - abs(lr - 0.3)) * (1 + 0.1 * size) * (1 - shrunk), 6)


@dataclass
class Tally:
    """An observer that counts the ends of every track."""

    ends: Counter[int] = field(default_factory=Counter)

    def reported(self, track: Track, epoch: int, value: float) -> None:
        assert track.values[epoch] == value

    def moved(self, track: Track) -> None:
        assert track.state not in ENDS

    def ended(self, track: Track) -> None:
        self.ends[track.index] += 1


@dataclass(frozen=True)
class Luck:
    """Probabilities per epoch of a crash and of a checkpoint, and which parameters misbehave.

    ``unkept`` is the probability that a checkpoint cannot be written.
    ``poison``: whether they kill their lane; ``diverges``, ``finishes``: the epoch at which they do, if any.
    """

    crash: float = 0.0
    save: float = 0.3
    unkept: float = 0.0
    poison: Callable[[Params], bool] = lambda params: False
    diverges: Callable[[Params], int | None] = lambda params: None
    finishes: Callable[[Params], int | None] = lambda params: None


@dataclass
class Out:
    """A running leg: its last epoch, and the keys of members that diverged (``bad``) or ended early (``over``)."""

    leg: Leg
    epoch: int
    bad: set[str] = field(default_factory=set)
    over: set[str] = field(default_factory=set)
    unsaved: set[str] = field(default_factory=set)
    """Keys of ``over`` whose last checkpoint is not saved yet."""


@dataclass
class World:
    """Simulated lanes that train in random order, one epoch, checkpoint or failure at a time, and check legs."""

    race: Race
    tally: Tally
    luck: Luck
    random: Random
    num_lanes: int = 2
    out: list[Out] = field(default_factory=list)
    disk: dict[str, int] = field(default_factory=dict)
    """Epoch of each existing checkpoint, by URI."""
    deaths: Counter[tuple[int, int]] = field(default_factory=Counter)
    """Number of failed legs of several members, by (trial, start epoch)."""
    alone: Counter[int] = field(default_factory=Counter)
    """Number of failed legs of one member, by trial."""

    def run(self, num_steps: int = 5000) -> None:
        """Take steps until the race is finished, at most ``num_steps``."""
        for _ in range(num_steps):
            if self.race.finished:
                break
            self.step()
        self.commit()
        assert self.race.finished or num_steps < 5000, "the race does not end"

    def step(self) -> None:
        """Hand out a leg, or let one train an epoch or fail; then check the race."""
        if len(self.out) < self.num_lanes and (not self.out or self.random.random() < 0.5):
            leg = self.race.next_leg()
            if leg is not None:
                self._take(leg)
            else:
                assert self.out or self.race.finished, "nothing runs, and nothing comes"
        else:
            if len(self.out) == self.num_lanes and self.random.random() < 0.3:
                self.race.look_ahead()
            self._train(self.random.choice(self.out))
        self.check()

    def commit(self) -> None:
        """Delete the checkpoints that the race does not need any more, as the driver does between legs."""
        for uri in self.race.garbage:
            self.disk.pop(uri, None)
        self.race.garbage.clear()

    def _take(self, leg: Leg) -> None:
        assert not self.race.closing
        assert leg.id not in {out.leg.id for out in self.out}
        if len(leg.members) > 1:
            assert all(self.deaths[m.trial, leg.start] == 0 for m in leg.members), "taken down twice"
        for member in leg.members:
            assert self.disk.get(member.checkpoint or "", 0) == leg.start, (member, leg.start, self.disk)
        self.out.append(Out(leg, leg.start))

    def _train(self, out: Out) -> None:
        ids, params = out.leg.id, {m.key: m.params for m in out.leg.members}
        if self.random.random() < self.luck.crash or any(map(self.luck.poison, params.values())):
            self._die(out)
            return
        out.epoch += 1
        alive = [key for key in params if key not in out.bad | out.over]
        out.bad |= {key for key in alive if self.luck.diverges(params[key]) == out.epoch}
        finished = {key for key in alive if self._finished(params[key], out)} - out.bad
        out.over, out.unsaved = out.over | finished, out.unsaved | finished
        self.race.reported(ids, [self._measured(key, params[key], out) for key in alive])
        over = out.epoch == out.leg.stop or self.race.closing
        if over or self.random.random() < self.luck.save:
            self._save(out, [key for key in alive if key not in out.bad | finished], out.epoch)
            for key in sorted(out.unsaved):
                self._save(out, [key], max(self.by_key[key].values))
            out.unsaved.clear()
        if over:
            self.out.remove(out)
            self.race.finished_leg(ids, 1.0)
        self.commit()

    def _measured(self, key: str, params: Params, out: Out) -> MemberEpoch:
        if key in out.bad:
            if self.random.random() < 0.5:
                return MemberEpoch(key=key, epoch=out.epoch, failure=FailureReason("diverged", "loss is nan"))
            return MemberEpoch(key=key, epoch=out.epoch, metrics={METRIC: float("nan")})
        value, finished = curve(params, out.epoch), key in out.over
        return MemberEpoch(key=key, epoch=out.epoch, metrics={METRIC: value}, finished=finished)

    def _finished(self, params: Params, out: Out) -> bool:
        """Return whether the member has ended early at this epoch or before."""
        epoch = self.luck.finishes(params)
        return epoch is not None and out.epoch >= epoch

    @property
    def by_key(self) -> dict[str, Track]:
        return {track.key: track for track in self.race.tracks}

    def _save(self, out: Out, keys: Sequence[str], epoch: int) -> None:
        over = self._passed_over(out.leg, keys) if epoch == out.leg.horizon else set()
        unkept = self.luck.unkept
        lost = {key for key in keys if unkept and key not in over and self.random.random() < unkept}
        saved = [Saved(key=key, epoch=epoch, uri=None if key in over else f"{key}/{epoch}") for key in keys]
        saved = [replace(one, uri=None, not_kept="full") if one.key in lost else one for one in saved]
        self.disk |= {checkpoint.uri: checkpoint.epoch for checkpoint in saved if checkpoint.uri}
        self.race.saved(out.leg.id, saved)

    def _passed_over(self, leg: Leg, keys: Sequence[str]) -> set[str]:
        """Return the keys of members that end at the horizon without a checkpoint; the objective is maximised."""
        best = {key: self.by_key[key].best_value or 0.0 for key in keys}
        kept = sorted(keys, key=lambda key: (-best[key], self.by_key[key].index))[: leg.keep]
        return {k for k in keys if k not in kept or (leg.floor is not None and best[k] < leg.floor)}

    def _die(self, out: Out) -> None:
        members = [m for m in out.leg.members if m.key not in out.bad]
        for member in members:
            if len(out.leg.members) == 1:
                self.alone[member.trial] += 1
            else:
                self.deaths[member.trial, out.leg.start] += 1
        self.out.remove(out)
        self.race.failed_leg(out.leg.id, FailureReason("lane_died", "killed"))

    def check(self) -> None:
        """Check what must hold at every moment."""
        aboard = [track for _, tracks in self.race.running() for track in tracks]
        assert len({track.index for track in aboard}) == len(aboard), "handed out twice at once"
        assert {t.index for t in self.race.tracks if t.state == "running"} <= {t.index for t in aboard}
        for leg, tracks in self.race.running():
            assert len({track.signature for track in tracks}) == 1
            assert len(tracks) <= self.race.rules.width and leg.start < leg.stop
        for track in self.race.tracks:
            assert self.tally.ends[track.index] == (track.state in ENDS), track
            assert track.state in ENDS or track.checkpoint is None or track.checkpoint in self.disk, track
            assert track.num_failures <= self.race.rules.max_retries + 1
        assert len(self.race.tracks) <= self.race.rules.num_tracks


AnyWorld = TypeVar("AnyWorld", bound=World)


def killed_after(begin: Callable[[Study], AnyWorld], moments: Sequence[int]) -> tuple[AnyWorld, Sequence[Record]]:
    """The last world of a race that is killed after so many steps and begun anew from its study; its records."""
    disk: dict[str, int] = {}
    with TemporaryDirectory() as folder:
        for steps in moments:
            study = Study("toy", "maximize", Path(folder) / "journal.log")
            it = begin(study)
            it.disk = disk
            it.run(steps)
            study.flush()
        return it, study.records()
