"""The contract of a task: loss and metrics, for one model or a cohort."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import torch
from torch import Tensor

Model = Callable[[Tensor], Tensor]
"""Function from inputs to outputs: a module, or a cohort, whose outputs have a leading dimension of members."""


Numbers = Mapping[str, Tensor]
"""Hyperparameters that may differ within a cohort: shape () in the plain loop, (members,) in a cohort."""


class Task(Protocol):
    """Loss and metrics of a kind of problem. All methods serve one model and a cohort alike.

    ``x`` is (batch, *example) and ``y`` (batch, ...); where the members of a cohort differ in their mini-batches,
    both have a leading dimension of members. So ``loss`` must count dimensions from the end.
    """

    def loss(self, model: Model, x: Tensor, y: Tensor, numbers: Numbers) -> dict[str, Tensor]:
        """Return means over one mini-batch's examples, each () or (members,).

        ``loss`` is minimised. The others are averaged over the examples of an epoch, whatever mini-batches,
        micro-batches and processes they were divided among, and passed to ``over_epoch``.
        """

    def over_epoch(self, means: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the training metrics of an epoch, from the means over its examples of what ``loss`` returned.

        A metric that is no mean of examples, such as a root, is computed here, once.
        """

    def evaluate(self, model: Model, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """Return values of each example, (batch, ...) or (members, batch, ...), in a chunk of a split."""

    def by_row(self, values: Mapping[str, Tensor], y: Tensor) -> dict[str, Tensor]:
        """Return those of the metrics that are means of rows (or of pseudo-values), by row: (members, examples).

        Empty where all metrics are made of a split as a whole.
        """

    def metrics(self, values: Mapping[str, Tensor], y: Tensor) -> dict[str, Tensor]:
        """Return the metrics of a whole split, (members,) each, from the ``values`` that ``evaluate`` returned.

        Values are (members, examples, ...) and ``y`` is (examples, ...). Metrics are reported with ``val_`` or
        ``test_`` before the key; ``loss`` is among them.
        """


def _at_least_float32(logits: Tensor) -> Tensor:
    return logits if logits.dtype == torch.float64 else logits.float()
