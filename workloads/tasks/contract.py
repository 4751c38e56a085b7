"""What a task is: loss, metrics and their sums, for one model or many."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import torch
from torch import Tensor

Model = Callable[[Tensor], Tensor]
"""Inputs to outputs: a module, or a whole cohort's, whose outputs have a leading dimension of members."""


Numbers = Mapping[str, Tensor]
"""The hyperparameters that are one number per member: shape () in the plain loop, (members,) in a cohort."""


class Task(Protocol):
    """All methods serve one model and a cohort alike.

    ``x`` is (batch, *example) and ``y`` (batch, ...); where the members of a cohort differ in their mini-batches,
    both have a leading dimension of members. So a task counts its dimensions from the end in training.
    """

    def loss(self, model: Model, x: Tensor, y: Tensor, numbers: Numbers) -> dict[str, Tensor]:
        """Means over one mini-batch, each () or (members,). ``loss`` is minimised; others are reported as named."""

    def evaluate(self, model: Model, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """One value an example: (batch, ...) or (members, batch, ...). A split goes through in several chunks."""

    def metrics(self, values: Mapping[str, Tensor], y: Tensor) -> dict[str, Tensor]:
        """What the values of a whole split, each (members, examples, ...), come to: (members,) each.

        ``y`` is (examples, ...). Reported with ``val_`` or ``test_`` before the key; ``loss`` is among them.
        """


def _at_least_float32(logits: Tensor) -> Tensor:
    return logits if logits.dtype == torch.float64 else logits.float()
