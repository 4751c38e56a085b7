"""A perceptron that needs more memory than there is: above a number of examples it raises what torch raises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from workloads.arrays import DataShape
from workloads.models.mlp import MLP
from workloads.tasks.by_problem import task_of
from workloads.tasks.contract import Model, Numbers, Task


@dataclass
class Room:
    """How many examples fit, all members of a program together; and what is raised above that."""

    examples: int = 10**9
    error: Exception = field(default_factory=lambda: torch.OutOfMemoryError("CUDA out of memory."))


ROOM = Room()
"""Tests change it."""


def _fits(outputs: Tensor) -> Tensor:
    if outputs.shape[:-1].numel() > ROOM.examples:
        raise ROOM.error
    return outputs


@dataclass(frozen=True)
class Greedy:
    """``inner`` with outputs that must fit into ``ROOM``."""

    inner: Task

    def loss(self, model: Model, x: Tensor, y: Tensor, numbers: Numbers) -> dict[str, Tensor]:
        """See ``Task``."""
        return self.inner.loss(lambda x: _fits(model(x)), x, y, numbers)

    def evaluate(self, model: Model, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """See ``Task``."""
        return self.inner.evaluate(lambda x: _fits(model(x)), x, y)

    def metrics(self, values: Mapping[str, Tensor], y: Tensor) -> dict[str, Tensor]:
        """See ``Task``."""
        return self.inner.metrics(values, y)


def _task(shape: DataShape, objective: str) -> Task:
    return Greedy(task_of(shape, objective))


GREEDY = replace(MLP, name="greedy", task=_task)
