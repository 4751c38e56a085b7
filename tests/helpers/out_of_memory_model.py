"""A perceptron that simulates a lack of memory: above a number of examples it raises torch's error."""

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
    """Simulated memory: the examples, of all members of a program, that fit, and the error for more."""

    examples: int = 10**9
    error: Exception = field(default_factory=lambda: torch.OutOfMemoryError("CUDA out of memory."))


ROOM = Room()
"""The memory that ``GREEDY`` has; tests change it."""


def _fits(outputs: Tensor) -> Tensor:
    if outputs.shape[:-1].numel() > ROOM.examples:
        raise ROOM.error
    return outputs


@dataclass(frozen=True)
class Greedy:
    """The task ``inner``, whose model's outputs must fit into ``ROOM``."""

    inner: Task

    def loss(self, model: Model, x: Tensor, y: Tensor, numbers: Numbers) -> dict[str, Tensor]:
        """Return ``inner``'s loss. Raises ``ROOM.error`` for too many examples."""
        return self.inner.loss(lambda x: _fits(model(x)), x, y, numbers)

    def over_epoch(self, means: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return ``inner``'s training metrics of an epoch."""
        return self.inner.over_epoch(means)

    def evaluate(self, model: Model, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """Return ``inner``'s values of each example. Raises ``ROOM.error`` for too many examples."""
        return self.inner.evaluate(lambda x: _fits(model(x)), x, y)

    def metrics(self, values: Mapping[str, Tensor], y: Tensor) -> dict[str, Tensor]:
        """Return ``inner``'s metrics."""
        return self.inner.metrics(values, y)


def _task(shape: DataShape, objective: str) -> Task:
    return Greedy(task_of(shape, objective))


GREEDY = replace(MLP, name="greedy", task=_task)
