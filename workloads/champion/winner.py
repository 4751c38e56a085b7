"""Loads the champion for its inspection, and computes its outputs and errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

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
    """The champion to inspect, as plain values: its name, checkpoint and objective travel to a worker."""

    workload: str
    checkpoint: str
    objective: Objective
    rows: Sequence[int] = ()
    """Row of each validation example in its source; if empty, the examples are counted from 0."""
    others: Mapping[int, str] = field(default_factory=dict)
    """Checkpoints of the champion's other trainings, by seed, for their curves."""

    @property
    def measure(self) -> str:
        """Name of the objective without its split: ``accuracy`` for ``val_accuracy``."""
        return self.objective.name.removeprefix("val_")


@dataclass(frozen=True)
class Winner:
    """The champion's model on the CPU, with its task and the data that prepares its features."""

    setup: Setup
    model: nn.Module
    task: Task
    classes: Sequence[str]
    """Names of the classes in the order of the outputs; empty for other problems."""


def load(subject: Subject, search: SearchData) -> Winner:
    """Load the champion with the weights of its best epoch, in evaluation mode."""
    kind = workload(subject.workload)
    _, data, model = trained(subject.workload, subject.checkpoint, search)
    setup = Setup(kind, data, subject.objective)
    return Winner(setup, model, thorough(setup), search.classes)


@torch.no_grad()
def outputs(winner: Winner, part: Arrays) -> dict[str, Array]:
    """Return the task's values of each raw example, such as ``loss`` and ``logits``, by name: (examples, ...)."""
    values = per_example(
        winner.task, winner.model, winner.setup.data.raw(part.columns), on_device(winner.setup, part)
    )
    return {name: value[0].double().cpu().numpy() for name, value in values.items()}


def errors_of(winner: Winner, part: Arrays, values: Mapping[str, Array]) -> tuple[Array, Array]:
    """Return truth and error (prediction - truth) of each example in the target's units: both (examples,).

    ``values`` are the ``outputs`` of the part. Of a target of several numbers only the first one.
    """
    truth = part.y.reshape(len(part), -1)[:, 0]
    error = values["error"].reshape(len(part), -1)[:, 0]
    return truth, error * winner.setup.data.shape.target_std
