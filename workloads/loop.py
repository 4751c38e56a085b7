"""What the plain and the fused loop share: members, resident data, orders of mini-batches, and what is measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from search_spaces.hyperparameters import hyperparameters
from workloads.order import mix
from workloads.registry import Workload
from workloads.resident import ResidentData
from workloads.task import Task
from workloads.training import Training

State = dict[str, Tensor]


@dataclass(frozen=True)
class Trainee:
    """One member as the loops see it."""

    seed: int
    hp: Training


@dataclass(frozen=True)
class MemberState:
    """All that a member needs to go on: the model's ``state_dict``, and the optimizer's slots as flat vectors.

    Plain and fused loops write and read the same form. ``optimizer`` also holds ``step``, the updates so far.
    """

    model: State
    optimizer: State


@dataclass(frozen=True)
class Setup:
    """What the members of a cohort share."""

    workload: Workload
    data: ResidentData
    objective: str = "val_loss"

    def task(self) -> Task:
        """The loss and the metrics."""
        return self.workload.task(self.data.shape, self.objective)

    def autocast(self) -> AbstractContextManager[object]:
        """bfloat16 products on a GPU where the workload asks for it; elsewhere nothing."""
        if self.data.device.type == "cuda" and self.workload.half:
            return torch.autocast("cuda", torch.bfloat16)
        return nullcontext()

    def build(self, member: Trainee) -> nn.Module:
        """A new model, its weights drawn on the CPU from the member's seed."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(mix(member.seed, 0))
            model = self.workload.build(member.hp, self.data.shape)
        return model.to(self.data.device, self.data.dtype)


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
    """Each hyperparameter that is one number per member, as (members,) on the data's device."""
    known = hyperparameters(type(members[0].hp))
    names = [name for name, hp in known.items() if not hp.shapes and hp.type in (float, int, bool)]
    return {
        name: torch.tensor([float(getattr(m.hp, name)) for m in members], dtype=data.dtype, device=data.device)
        for name in names
    }


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
    """One record a member: the means, both gaps, learning rate and speed (a cohort's time is shared equally)."""
    columns = {name: values.tolist() for name, values in means.items()}
    records: list[dict[str, float]] = []
    for k, member in enumerate(members):
        record: dict[str, float] = {name: column[k] for name, column in columns.items()}
        for metric in ("loss", "accuracy"):
            if f"val_{metric}" in record and f"train_{metric}" in record:
                gap = record[f"val_{metric}"] - record[f"train_{metric}"]
                record[f"gap_{metric}"] = gap if metric == "loss" else -gap
        record["lr"] = member.hp.lr
        record["examples_per_s"] = examples / seconds_each if seconds_each > 0 else math.nan
        records.append(record)
    return records
