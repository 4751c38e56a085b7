"""Learning-rate schedules: those of torch.optim.lr_scheduler as functions of hyperparameters and the step.

``step``, ``exponential`` and ``reduce_on_plateau`` change between epochs; ``linear``, ``cosine``, ``cyclic``,
``one_cycle`` and the warm-up between steps. Time is counted from the end of the warm-up, and the length of a
training is the leg's horizon, the last epoch that the sweep can reach: a trial that is stopped early has followed
the first part of a finished trial's schedule, and a resumed trial continues where it was.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from workloads.hyperparameters import Training

ONE_CYCLE_START = 25
"""Ratio of lr to one-cycle's first rate, torch's default."""
ONE_CYCLE_END = 1e4
"""Ratio of one-cycle's first rate to its last rate, torch's default."""


@dataclass(frozen=True)
class Moment:
    """A step, counted from the end of the warm-up. ``last`` is the number of steps from there to the horizon."""

    step: int
    steps_per_epoch: int
    last: int

    @property
    def epoch(self) -> int:
        """Number of whole epochs before the step."""
        return self.step // self.steps_per_epoch


def _linear(hp: Training, at: Moment) -> float:
    """Linear decay to ``lr_floor``, as for fine-tuning (Devlin et al. 2018, arXiv:1810.04805)."""
    return 1 + (hp.lr_floor - 1) * min(1.0, at.step / at.last)


def _cosine(hp: Training, at: Moment) -> float:
    """Cosine annealing without restarts (Loshchilov & Hutter 2016, arXiv:1608.03983)."""
    return _between(1.0, hp.lr_floor, min(1.0, at.step / at.last))


def _cyclic(hp: Training, at: Moment) -> float:
    """Triangular cycles (Smith 2015, arXiv:1506.01186)."""
    cycle = hp.lr_cycle_epochs * at.steps_per_epoch
    place = at.step % cycle / cycle
    return hp.lr_floor + (1 - hp.lr_floor) * (1 - abs(2 * place - 1))


def _one_cycle(hp: Training, at: Moment) -> float:
    """One cycle (Smith & Topin 2017, arXiv:1708.07120) with torch's cosine for both parts; momentum is constant."""
    top, end, start = hp.lr_rise * at.last - 1, at.last - 1, 1 / ONE_CYCLE_START
    if at.step <= top and top > 0:
        return _between(start, 1.0, at.step / top)
    top = max(top, 0.0)
    return _between(1.0, start / ONE_CYCLE_END, min(1.0, (at.step - top) / (end - top)) if end > top else 1.0)


def _between(first: float, last: float, share: float) -> float:
    return last + (first - last) / 2 * (1 + math.cos(math.pi * share))


SCHEDULES: Mapping[str, Callable[[Training, Moment], float]] = {
    "constant": lambda hp, at: 1.0,
    "step": lambda hp, at: hp.lr_factor ** (at.epoch // hp.lr_step_epochs),
    "exponential": lambda hp, at: hp.lr_decay**at.epoch,
    "linear": _linear,
    "cosine": _cosine,
    "cyclic": _cyclic,
    "one_cycle": _one_cycle,
    "reduce_on_plateau": lambda hp, at: 1.0,
}
"""Rate as a share of lr. ``Plateau`` holds reduce_on_plateau's share, as that depends on measured values."""


def rate(hp: Training, step: int, steps_per_epoch: int, horizon: int) -> float:
    """Return the learning rate of a step (from 0) in a training of at most ``horizon`` epochs."""
    warmup = num_warmup_steps(hp, steps_per_epoch, horizon)
    if step < warmup:
        return hp.lr * (step + 1) / warmup
    last = max(1, horizon * steps_per_epoch - warmup)
    return hp.lr * SCHEDULES[hp.lr_schedule](hp, Moment(step - warmup, steps_per_epoch, last))


def num_warmup_steps(hp: Training, steps_per_epoch: int, horizon: int) -> int:
    """Return the number of steps of the warm-up, of which a share is one of ``horizon`` epochs."""
    if hp.warmup_share:
        return round(hp.warmup_share * horizon * steps_per_epoch)
    return hp.warmup_epochs * steps_per_epoch


@dataclass(frozen=True)
class Plateau:
    """State of reduce_on_plateau: the best value, the epochs without improvement, and the rate as a share of lr."""

    best: float = math.inf
    num_bad: int = 0
    share: float = 1.0

    def seen(self, hp: Training, value: float) -> Plateau:
        """Return the state after an epoch with ``value``, where lower is better; NaN is no improvement."""
        if value < self.best - hp.min_improvement:
            return replace(self, best=value, num_bad=0)
        if self.num_bad < hp.plateau_epochs:
            return replace(self, num_bad=self.num_bad + 1)
        return replace(self, num_bad=0, share=max(self.share * hp.lr_factor, hp.lr_floor))

    def tensor(self) -> Tensor:
        """Return the state as float64 (3,), for a checkpoint."""
        return torch.tensor([self.best, self.num_bad, self.share], dtype=torch.float64)

    @classmethod
    def of(cls, tensor: Tensor) -> Plateau:
        """Return the state that ``tensor`` wrote."""
        best, num_bad, share = tensor.tolist()
        return cls(best, int(num_bad), share)


PLATEAU = "plateau"
"""Name of a ``Plateau`` among the optimizer's tensors of a ``MemberState``."""


class RateSchedule:
    """The learning rates of a loop's members, epoch by epoch."""

    def __init__(self, members: Sequence[Training], steps_per_epoch: int, horizon: int) -> None:
        self._members, self._steps, self._horizon = list(members), steps_per_epoch, horizon
        self._plateaus = [Plateau() for _ in members]
        self._arrange()

    def _arrange(self) -> None:
        self._constant = all(
            hp.lr_schedule == "constant" and not (hp.warmup_epochs or hp.warmup_share) for hp in self._members
        )

    def rates(self, epoch: int) -> Tensor | None:
        """Return the rates of an epoch (from 0), float64 (steps, members); None where they are always ``lr``."""
        if self._constant:
            return None
        pairs = list(zip(self._members, self._plateaus, strict=True))
        first = epoch * self._steps
        steps = range(first, first + self._steps)
        rates = [[rate(hp, s, self._steps, self._horizon) * plateau.share for hp, plateau in pairs] for s in steps]
        return torch.tensor(rates, dtype=torch.float64)

    def seen(self, values: Sequence[float]) -> None:
        """Record each member's objective of the epoch, where lower is better."""
        for k, hp in enumerate(self._members):
            if hp.lr_schedule == "reduce_on_plateau":
                self._plateaus[k] = self._plateaus[k].seen(hp, values[k])

    def state(self, k: int) -> dict[str, Tensor]:
        """Return the tensors that member ``k``'s checkpoint must hold."""
        return {PLATEAU: self._plateaus[k].tensor()} if self._members[k].lr_schedule == "reduce_on_plateau" else {}

    def load(self, k: int, state: Mapping[str, Tensor]) -> None:
        """Continue member ``k`` from a checkpoint; without a ``Plateau`` in it, from the initial one."""
        self._plateaus[k] = Plateau.of(state[PLATEAU]) if PLATEAU in state else Plateau()

    def keep(self, ks: Sequence[int]) -> None:
        """Continue with the members at the places ``ks`` only."""
        self._members = [self._members[k] for k in ks]
        self._plateaus = [self._plateaus[k] for k in ks]
        self._arrange()
