"""What the plain and the fused loop share: members, resident data, orders of mini-batches, and what is measured."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from search_spaces.space.hyperparameters import hyperparameters
from search_spaces.types.objective import LOSS, WORST, Objective
from search_spaces.types.plain import plain
from workloads.arrays import DataShape
from workloads.data.epoch_order import balancing, epoch_order, mix, seed_cpu
from workloads.layers.initialisation import initialise
from workloads.tasks.contract import Task
from workloads.training.batches import ResidentData
from workloads.training.learning_rates import RateSchedule
from workloads.training.process_group import ALONE, ProcessGroup

State = dict[str, Tensor]


@dataclass(frozen=True)
class Trainee:
    """One member as the loops see it."""

    seed: int
    hp: Any
    """Of the workload's ``hyperparameters``: a ``Training``, unless the workload has a loop of its own."""


@dataclass(frozen=True)
class MemberState:
    """All that a member needs to go on: the model's ``state_dict``, and the optimizer's slots as flat vectors.

    Plain and fused loops write and read the same form. ``optimizer`` also holds ``step``, the updates so far.
    """

    model: State
    optimizer: State


class Recipe(Protocol):
    """What training asks of a workload; its attributes are those of ``workloads.contract.Workload``."""

    @property
    def name(self) -> str:
        """The workload's name."""

    @property
    def build(self) -> Callable[[Any, DataShape], nn.Module]:
        """Makes a model from hyperparameters and the data's shape."""

    @property
    def task(self) -> Callable[[DataShape, str], Task]:
        """Gives the loss and what is measured."""

    @property
    def judge(self) -> Callable[[ResidentData], Task] | None:
        """Gives the task where what is measured by learns from the data first."""

    @property
    def loop(self) -> Callable[[Setup, Trainee], Loop] | None:
        """Trains one member where the plain loop does not fit."""

    @property
    def exhibit(self) -> Callable[[Setup, nn.Module, int], Mapping[str, bytes]] | None:
        """Makes small files that show what a model does."""

    @property
    def half(self) -> bool:
        """Whether products are taken in bfloat16 on a GPU."""

    @property
    def recordable(self) -> bool:
        """Whether a step can become a CUDA graph."""

    def fuses(self, hp: Any) -> bool:
        """Whether members with such hyperparameters are trained as one program."""


@dataclass(frozen=True)
class Setup:
    """What the members of a cohort share."""

    workload: Recipe
    data: ResidentData
    objective: Objective = LOSS
    horizon: int = 1
    """The last epoch that the members could ever reach: what learning-rate schedules spread over."""
    micro_batch: int = 0
    """Examples that memory was found to hold at once; 0: nobody knows of a bound."""
    width: int = 0
    """Members that it was found to hold in one program; 0 as above."""
    group: ProcessGroup = ALONE
    """The processes that train each member together."""

    def task(self) -> Task:
        """The loss and the metrics."""
        if self.workload.judge is not None:
            return self.workload.judge(self.data)
        return self.workload.task(self.data.shape, self.objective.name)

    @property
    def recorded(self) -> bool:
        """Whether training steps become CUDA graphs."""
        return self.workload.recordable and self.data.device.type == "cuda" and not plain()

    def autocast(self) -> AbstractContextManager[object]:
        """bfloat16 products on a GPU where the workload asks for it; elsewhere nothing."""
        if self.data.device.type == "cuda" and self.workload.half:
            return torch.autocast("cuda", torch.bfloat16)
        return nullcontext()

    def build(self, member: Trainee) -> nn.Module:
        """A new model, its weights drawn on the CPU from the member's seed."""
        with torch.random.fork_rng(devices=[]):
            seed_cpu(mix(member.seed, 0))
            model = self.workload.build(member.hp, self.data.shape)
            initialise(model, member.hp)
        return model.to(self.data.device, self.data.dtype)

    def batches(self, members: Sequence[Trainee], epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The mini-batches of an epoch (from 0), as ``ResidentData.batches`` gives them."""
        batch_size = members[0].hp.batch_size
        if self.data.shard is not None:
            return self.data.streamed(epoch, batch_size, self.group)
        return self.data.batches(self.order(members, epoch), batch_size, self.group)

    def in_one_order(self, members: Sequence[Trainee]) -> bool:
        """Whether the members all meet the examples in the same order; those of a stream always do."""
        return self.data.shard is not None or len({member.seed for member in members}) == 1

    def order(self, members: Sequence[Trainee], epoch: int) -> Tensor:
        """The examples in memory as they are met in an epoch (from 0): (examples,), or (members, examples)."""
        data = self.data
        if data.shard is not None:
            members = members[:1]
        weights = balancing(data.y_train) if members[0].hp.sampling == "balanced" else None
        return epoch_order([member.seed for member in members], epoch, len(data.y_train), data.device, weights)

    def at_once(self, hp: Any) -> int:
        """Examples in memory at once; 0: the whole batch."""
        return min((size for size in (getattr(hp, "micro_batch", 0), self.micro_batch) if size), default=0)

    def pace(self, members: Sequence[Trainee]) -> RateSchedule:
        """The members' learning rates."""
        num_steps = self.data.num_steps(members[0].hp.batch_size, self.group)
        return RateSchedule([member.hp for member in members], num_steps, self.horizon)

    def to_minimise(self, means: Mapping[str, Tensor]) -> list[float]:
        """Each member's objective, the lower the better; infinite where it was not measured."""
        if self.objective.name not in means:
            return [WORST] * max(map(len, means.values()))
        return [self.objective.signed(value) for value in means[self.objective.name].tolist()]


class Loop(Protocol):
    """Trains its members epoch by epoch. ``epoch_done`` counts the epochs behind it."""

    members: list[Trainee]
    epoch_done: int

    def epoch(self) -> list[dict[str, float]]:
        """One more epoch for every member, and what each measured; values may be NaN or infinite."""

    def finite(self) -> list[bool]:
        """Whether each member's weights are all finite."""

    def state(self, k: int) -> MemberState:
        """A copy of member ``k``'s state."""

    def load(self, k: int, state: MemberState) -> None:
        """Go on from ``state``. Set ``epoch_done`` as well."""

    def keep(self, ks: Sequence[int]) -> None:
        """Go on with these members only."""


def numbers_of(members: Sequence[Trainee], data: ResidentData) -> dict[str, Tensor]:
    """Each hyperparameter that is one number per member, as (members,) on the data's device.

    One that is a word is its place among the choices, and is there only if a member departs from the first, so that
    what nobody asks for costs nothing.
    """
    found = {}
    for name, known in hyperparameters(type(members[0].hp)).items():
        if known.shapes:
            continue
        values = [getattr(member.hp, name) for member in members]
        if known.type is str:
            assert known.choices, f"{name}: a word that does not shape the program has its choices"
            values = [known.choices.index(value) for value in values]
        if known.type is not str or any(values):
            found[name] = torch.tensor([float(v) for v in values], dtype=data.dtype, device=data.device)
    return found


Step = Callable[[Tensor, Tensor, float], dict[str, Tensor]]
"""(x, y, share of the batch that they are) to what was measured, means over the examples; leaves a gradient."""


def in_parts(step: Step, x: Tensor, y: Tensor, size: int, dim: int = 0) -> dict[str, Tensor]:
    """A mini-batch through ``step``, at most ``size`` examples at a time (0: all), and its means over all parts.

    Examples are counted along ``dim``. The parts are nearly equal, so that none holds one example by accident. The
    sum of the parts' gradients is the batch's own, except through batch norm, which sees each part for itself.
    """
    num_examples = y.shape[dim]
    if not 0 < size < num_examples:
        return step(x, y, 1.0)
    num_parts = -(-num_examples // size)
    sums: dict[str, Tensor] = {}
    for part_x, part_y in zip(x.tensor_split(num_parts, dim), y.tensor_split(num_parts, dim), strict=True):
        share = part_y.shape[dim] / num_examples
        for name, value in step(part_x, part_y, share).items():
            sums[name] = sums.get(name, 0.0) + share * value
    return sums


class Measurements:
    """Per-step values of an epoch, averaged at its end, so that no step waits for the device."""

    def __init__(self) -> None:
        self._values: dict[str, list[Tensor]] = {}
        self._sizes: list[int] = []

    def add(self, size: int, values: Mapping[str, Tensor]) -> None:
        """Values of one step over ``size`` examples, each of shape () or (members,)."""
        self._sizes.append(size)
        for name, value in values.items():
            self._values.setdefault(name, []).append(value)

    @property
    def num_examples(self) -> int:
        """Of all steps together."""
        return sum(self._sizes)

    def means(self) -> dict[str, Tensor]:
        """Each value's mean over the examples; ``grad_norm``, which belongs to steps, over the steps."""
        sizes = torch.tensor(self._sizes, dtype=torch.float64)
        return {name: self._mean(torch.stack(v).double().cpu(), sizes, name) for name, v in self._values.items()}

    def _mean(self, values: Tensor, sizes: Tensor, name: str) -> Tensor:
        weights = torch.ones_like(sizes) if name == "grad_norm" else sizes
        return (weights / weights.sum()) @ values.reshape(len(sizes), -1)


def report(
    members: Sequence[Trainee], means: Mapping[str, Tensor], seconds_each: float, examples: int
) -> list[dict[str, float]]:
    """One record a member: the means, both gaps, learning rate and speed (a cohort's time is shared equally).

    ``lr`` is the mean over the epoch's steps where the rate changed in it.
    """
    columns = {name: values.tolist() for name, values in means.items()}
    records: list[dict[str, float]] = []
    for k, member in enumerate(members):
        record: dict[str, float] = {name: column[k] for name, column in columns.items()}
        for metric in ("loss", "accuracy"):
            if f"val_{metric}" in record and f"train_{metric}" in record:
                gap = record[f"val_{metric}"] - record[f"train_{metric}"]
                record[f"gap_{metric}"] = gap if metric == "loss" else -gap
        record.setdefault("lr", member.hp.lr)
        record["examples_per_s"] = examples / seconds_each if seconds_each > 0 else math.nan
        records.append(record)
    return records
