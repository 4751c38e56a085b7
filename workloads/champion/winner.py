"""The winner as it was chosen, ready to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from search_spaces.types.objective import Objective
from workloads.arrays import Array
from workloads.champion.export import trained
from workloads.data.prepare import Arrays
from workloads.data.search_data import SearchData
from workloads.legs.score import on_device, thorough
from workloads.registry import workload
from workloads.tasks.contract import Task
from workloads.training.evaluate import per_example
from workloads.training.setup import Setup


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is inspected. Plain values: it travels to a worker."""

    workload: str
    checkpoint: str
    objective: Objective
    rows: Sequence[int] = ()
    """Where each validation example stands in its source."""

    @property
    def measure(self) -> str:
        """The objective without its split."""
        return self.objective.name.removeprefix("val_")


@dataclass(frozen=True)
class Winner:
    """The model as it was chosen, on the CPU, with the data that made its features."""

    setup: Setup
    model: nn.Module
    task: Task
    classes: Sequence[str]
    """Their names, in the order of the outputs."""


def load(subject: Subject, search: SearchData) -> Winner:
    """The member of the checkpoint with the weights of its best epoch, in evaluation mode."""
    kind = workload(subject.workload)
    _, data, model = trained(subject.workload, subject.checkpoint, search)
    setup = Setup(kind, data, subject.objective)
    return Winner(setup, model, thorough(setup), search.classes)


@torch.no_grad()
def outputs(winner: Winner, part: Arrays) -> dict[str, Array]:
    """What the task says of each raw example: by name, (examples, ...)."""
    values = per_example(
        winner.task, winner.model, winner.setup.data.raw(part.columns), on_device(winner.setup, part)
    )
    return {name: value[0].double().cpu().numpy() for name, value in values.items()}


def errors_of(winner: Winner, part: Arrays) -> tuple[Array, Array]:
    """Truth and error of each example, in the target's units; of several numbers the first."""
    truth = part.y.reshape(len(part), -1)[:, 0]
    error = outputs(winner, part)["error"].reshape(len(part), -1)[:, 0]
    return truth, error * winner.setup.data.shape.target_std
