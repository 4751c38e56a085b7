"""Setup of a training, shared by the plain and the fused loop: members, data, mini-batches and metrics."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from search_spaces.space.hyperparameters import hyperparameters
from search_spaces.types.objective import LOSS, WORST, Objective
from search_spaces.types.plain import plain
from workloads.arrays import DataShape
from workloads.data.epoch_order import balancing, by_length, epoch_order, mix, seed_cpu
from workloads.files.saved_files import SavedFiles
from workloads.layers.initialisation import initialise
from workloads.tasks.contract import Task
from workloads.training.batches import ResidentData, lengths_of
from workloads.training.learning_rates import RateSchedule
from workloads.training.optimizers import undivided
from workloads.training.process_group import ALONE, ProcessGroup, is_sharded, whole

if TYPE_CHECKING:
    from search_spaces.spec.keys.command import Command

State = dict[str, Tensor]


@dataclass(frozen=True)
class Trainee:
    """A member as the loops see it: its seed and its hyperparameters."""

    seed: int
    hp: Any
    """Instance of the workload's ``hyperparameters``: a ``Training``, unless the workload has a loop of its own."""
    trial: int = 0
    """Number of the trial, for users' code."""


@dataclass(frozen=True)
class MemberState:
    """State from which a member's training continues: the model's ``state_dict`` and the optimizer's slots.

    A slot is one flat vector; plain and fused loops write and read the same form. Under FSDP tensors are sharded.
    ``optimizer`` also holds ``step``, the number of updates so far, and ``steps`` (parameters,), where parameters
    have had fewer.
    """

    model: State
    optimizer: State
    files: SavedFiles | None = None
    """What users' code saved; None where it saved nothing, and for loops that save tensors alone."""

    @property
    def sharded(self) -> bool:
        """Whether this process has shards of the weights; a slot is then one tensor for each parameter."""
        return any(map(is_sharded, self.model.values()))

    def whole(self) -> MemberState:
        """Return the state with whole tensors, each on the CPU. All processes must call it of a sharded one."""
        if not self.sharded:
            return self
        model, optimizer = (
            {name: whole(value).cpu() for name, value in of.items()} for of in (self.model, self.optimizer)
        )
        return MemberState(model, undivided(optimizer), self.files)


@runtime_checkable
class OfFiles(Protocol):
    """A model that is restored from files instead of tensors."""

    def take(self, state: MemberState) -> None:
        """Take the saved files."""


def restore(model: nn.Module, state: MemberState) -> None:
    """Give ``model`` the weights of ``state``, or the files."""
    if isinstance(model, OfFiles):
        model.take(state)
    else:
        model.load_state_dict(state.model)


class Recipe(Protocol):
    """The part of a workload that training uses; its attributes are those of ``workloads.contract.Workload``."""

    @property
    def name(self) -> str:
        """The workload's name."""

    @property
    def build(self) -> Callable[[Any, DataShape], nn.Module]:
        """Makes a model from hyperparameters and the data's shape."""

    @property
    def task(self) -> Callable[[DataShape, str], Task]:
        """Makes the task from the data's shape and the names of the metrics that decide, separated by blanks."""

    @property
    def judge(self) -> Callable[[ResidentData], Task] | None:
        """Makes the task where a metric must first be fitted to the data; else None."""

    @property
    def loop(self) -> Callable[[Setup, Trainee], Loop] | None:
        """Makes the loop of one member where the plain loop does not fit; else None."""

    @property
    def exhibit(self) -> Callable[[Setup, nn.Module, int], Mapping[str, bytes]] | None:
        """Makes small files that illustrate a model's output, or None."""

    @property
    def half(self) -> bool:
        """Whether a GPU computes products in bfloat16."""

    @property
    def programs(self) -> Callable[[Setup, Sequence[Trainee]], Sequence[Sequence[int]]] | None:
        """Divides members with one signature into those of one program; None: all are of one."""

    @property
    def recordable(self) -> bool:
        """Whether a training step may be recorded as a CUDA graph."""

    def fuses(self, hp: Any) -> bool:
        """Return whether members with these hyperparameters are trained as one program."""


@dataclass(frozen=True)
class Setup:
    """Workload, data and limits that the members of a cohort share."""

    workload: Recipe
    data: ResidentData
    objective: Objective = LOSS
    horizon: int = 1
    """Last epoch that the members can ever reach: the length of learning-rate schedules."""
    micro_batch: int = 0
    """Largest number of examples that fit into memory at once, as far as is known; 0: no limit is known."""
    width: int = 0
    """Largest number of members whose program fits into memory; 0: no limit is known."""
    group: ProcessGroup = ALONE
    """The processes that train each member together."""
    purpose: Literal["search", "final"] = "search"
    """Whether the members are of the search, or of the final evaluation."""
    fold: int | None = None
    """Number of the fold, from 0; None without cross-validation."""
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    """Device to train on, where the data may be elsewhere."""
    stop: int = 1
    """Epoch with which the leg is over."""
    command: Command | None = None
    """What a trial of a script runs; None for other workloads."""
    sweep: str = ""
    """The sweep's ID."""
    project: str = ""
    """Name of MLflow's experiment."""
    others: tuple[str, ...] = ()
    """Names of the metrics that decide besides the objective."""
    stopped: Callable[[], bool] = field(default=bool, compare=False)
    """Whether the leg is to end before its stop."""

    def task(self) -> Task:
        """Return the task: loss and metrics."""
        if self.workload.judge is not None:
            return self.workload.judge(self.data)
        return self.workload.task(self.data.shape, self.deciding)

    @property
    def deciding(self) -> str:
        """Names of the metrics that decide, the objective first, separated by blanks."""
        return " ".join((self.objective.name, *self.others))

    @property
    def recorded(self) -> bool:
        """Whether training steps are recorded as CUDA graphs."""
        return self.workload.recordable and self.data.device.type == "cuda" and not plain()

    def autocast(self) -> AbstractContextManager[object]:
        """Return a context in which a GPU computes products in bfloat16, or one without effect.

        The latter on a CPU, and where the workload does not ask for bfloat16.
        """
        if self.data.device.type == "cuda" and self.workload.half:
            return torch.autocast("cuda", torch.bfloat16)
        return nullcontext()

    def build(self, member: Trainee, device: torch.device | None = None) -> nn.Module:
        """Return a new model on ``device`` (None: the data's); its weights are drawn on the CPU from the seed."""
        return first_model(self.workload, member, self.data.shape).to(device or self.data.device, self.data.dtype)

    def batches(self, members: Sequence[Trainee], epoch: int, min_part: int = 1) -> Iterator[tuple[Tensor, Tensor]]:
        """Return an iterator over the mini-batches (inputs, targets) of an epoch, counted from 0.

        ``min_part`` is the least number of examples that the members' models can be trained on at once.
        """
        batch_size = members[0].hp.batch_size
        if self.data.shard is not None:
            return self.data.streamed(epoch, batch_size, self.group, min_part)
        return self.data.batches(self.order(members, epoch), batch_size, self.group, min_part)

    def in_one_order(self, members: Sequence[Trainee]) -> bool:
        """Return whether all members see the examples in the same order; those of a stream always do."""
        return self.data.shard is not None or len({member.seed for member in members}) == 1

    def order(self, members: Sequence[Trainee], epoch: int) -> Tensor:
        """Return the row numbers of an epoch (from 0) in training order: (examples,), or (members, examples).

        The former if all members share one order.
        """
        data = self.data
        if data.shard is not None:
            members = members[:1]
        weights = balancing(data.y_train) if members[0].hp.sampling == "balanced" else None
        order = epoch_order([member.seed for member in members], epoch, len(data.y_train), data.device, weights)
        if not data.padded:
            return order
        return by_length(order, lengths_of(data.x_train), members[0].hp.batch_size, epoch)

    def at_once(self, hp: Any) -> int:
        """Return the number of examples in memory at once, by ``hp`` and by what fits; 0: the whole mini-batch."""
        return min((size for size in (getattr(hp, "micro_batch", 0), self.micro_batch) if size), default=0)

    def pace(self, members: Sequence[Trainee], min_part: int = 1) -> RateSchedule:
        """Return the members' learning-rate schedule over the steps of ``batches``."""
        num_steps = self.data.num_steps(members[0].hp.batch_size, self.group, min_part)
        return RateSchedule([member.hp for member in members], num_steps, self.horizon)

    def to_minimise(self, means: Mapping[str, Tensor]) -> list[float]:
        """Return each member's objective so that lower is better; infinite where it was not measured."""
        if self.objective.name not in means:
            return [WORST] * max(map(len, means.values()))
        return [self.objective.signed(value) for value in means[self.objective.name].tolist()]


def first_model(kind: Recipe, member: Trainee, shape: DataShape) -> nn.Module:
    """Return a new model on the CPU; its weights, and all else that it draws, follow from the member's seed."""
    with torch.random.fork_rng(devices=[]):
        seed_cpu(mix(member.seed, 0))
        model = kind.build(member.hp, shape)
        initialise(model, member.hp)
    return model


class Loop(Protocol):
    """Trains its members epoch by epoch. ``epoch_done`` is the number of finished epochs."""

    members: list[Trainee]
    epoch_done: int

    def epoch(self) -> list[dict[str, float]]:
        """Train every member for one more epoch; return each one's metrics, which may be NaN or infinite."""

    def finite(self) -> list[bool]:
        """Return, for each member, whether all its weights are finite."""

    def state(self, k: int) -> MemberState:
        """Return a copy of member ``k``'s state, on the CPU."""

    def load(self, k: int, state: MemberState) -> None:
        """Continue member ``k`` from ``state``; the caller sets ``epoch_done``."""

    def keep(self, ks: Sequence[int]) -> None:
        """Continue with the members at the places ``ks`` only."""


@runtime_checkable
class SelfRunning(Protocol):
    """A loop whose only member trains in processes of its own, and counts its epochs: it may leave some out."""

    finished: bool
    """Whether the training has ended by itself: there is no later epoch."""
    saves: bool
    """Whether it can go on from a state; else it is trained in one leg, and begins anew where that is cut off."""
    messages: list[str]
    """What is new for people."""

    def pause(self) -> None:
        """End the training, which goes on elsewhere from ``state``."""

    def close(self) -> None:
        """End all processes of the training, and remove its files."""


def numbers_of(members: Sequence[Trainee], data: ResidentData) -> dict[str, Tensor]:
    """Return each hyperparameter that may differ within a cohort: (members,) on the data's device.

    A word becomes its index among the choices; it is left out where all members have the first choice, so that the
    default costs no time.
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


Step = Callable[[Tensor, Tensor, float, bool], dict[str, Tensor]]
"""Function of (x, y, their share of the batch, whether they are its last part).

It adds to the gradient and returns means over the examples.
"""


def in_parts(step: Step, x: Tensor, y: Tensor, size: int, *, dim: int = 0, largest: int = 0) -> dict[str, Tensor]:
    """Run ``step`` on a mini-batch, at most ``size`` examples at a time (0: all); return means over the mini-batch.

    Examples are counted along ``dim``. The parts are nearly equal, so that none is left with a single example. The
    sum of the parts' gradients is the batch's own, except through batch norm, which normalises each part by itself.

    Processes that share a mini-batch make equally many steps: as many as the one with the ``largest`` number of
    examples, at most one more, needs. A step for which a process has no example repeats one, with a share of 0.
    """
    num_examples = y.shape[dim]
    num_parts = -(-max(num_examples, largest) // size) if size else 1
    if num_parts == 1:
        return step(x, y, 1.0, True)
    sums: dict[str, Tensor] = {}
    parts = zip(x.tensor_split(num_parts, dim), y.tensor_split(num_parts, dim), strict=True)
    for number, (part_x, part_y) in enumerate(parts, 1):
        share = part_y.shape[dim] / num_examples
        if not share:
            part_x, part_y = x.narrow(dim, 0, 1), y.narrow(dim, 0, 1)
        for name, value in step(part_x, part_y, share, number == num_parts).items():
            sums[name] = sums.get(name, 0.0) + share * value
    return sums


class Measurements:
    """Collects per-step values of an epoch and averages them at its end, so that no step waits for the device."""

    def __init__(self) -> None:
        self._values: dict[str, list[Tensor]] = {}
        self._sizes: list[int] = []

    def add(self, size: int, values: Mapping[str, Tensor]) -> None:
        """Record the values of one step over ``size`` examples, each of shape () or (members,)."""
        self._sizes.append(size)
        for name, value in values.items():
            self._values.setdefault(name, []).append(value)

    @property
    def num_examples(self) -> int:
        """Number of examples in all steps together."""
        return sum(self._sizes)

    def means(self) -> dict[str, Tensor]:
        """Return each value's mean over the examples (``grad_norm``: over steps), float64 (members,) on the CPU.

        Without any example it is 0, to be weighted by none.
        """
        sizes = torch.tensor(self._sizes, dtype=torch.float64)
        return {name: self._mean(torch.stack(v).double().cpu(), sizes, name) for name, v in self._values.items()}

    def _mean(self, values: Tensor, sizes: Tensor, name: str) -> Tensor:
        weights = torch.ones_like(sizes) if name == "grad_norm" else sizes
        return (weights / weights.sum().clamp(min=1)) @ values.reshape(len(sizes), -1)


def report(
    members: Sequence[Trainee], means: Mapping[str, Tensor], seconds_each: float, examples: int
) -> list[dict[str, float]]:
    """Return each member's metrics of an epoch: the means, gaps, learning rate and examples per second.

    A gap is positive where validation is worse than training. ``seconds_each`` is a cohort's time divided by its
    members. ``lr`` is the mean over the epoch's steps where the rate changed in it.
    """
    columns = {name: values.tolist() for name, values in means.items()}
    records: list[dict[str, float]] = []
    for k, member in enumerate(members):
        record: dict[str, float] = {name: column[k] for name, column in columns.items()}
        for metric in ("loss", "accuracy"):
            if f"val_{metric}" in record and f"train_{metric}" in record:
                gap = record[f"val_{metric}"] - record[f"train_{metric}"]
                record[f"generalization_gap_{metric}"] = gap if metric == "loss" else -gap
        record.setdefault("lr", member.hp.lr)
        record["examples_per_s"] = examples / seconds_each if seconds_each > 0 else math.nan
        records.append(record)
    return records
