"""Measures loss and metrics of a model, or of a whole cohort at once, over a split."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from workloads.tasks.contract import Model, Task
from workloads.training.batches import ResidentData, lengths_of
from workloads.training.process_group import ALONE, ProcessGroup

CPU_ELEMENTS = 2**22
GPU_ELEMENTS = 2**28
"""Limits on the numbers in a chunk's inputs or outputs, all members together."""


@torch.no_grad()
def evaluate(
    task: Task,
    model: Model,
    data: ResidentData,
    num_members: int | None = None,
    at_once: int = 0,
    group: ProcessGroup = ALONE,
) -> dict[str, Tensor]:
    """Return the metrics of the validation split, ``val_loss`` and so on: float64 (members,) on the CPU.

    The processes of ``group`` evaluate equal parts of the split, and all return the metrics of the whole.
    """
    x, y = data.x_val, data.y_val
    values = per_example(task, model, data, (group.rows(x), group.rows(y)), num_members, at_once)
    measured = metrics(task, group.joined(values, len(y)), y)
    return {f"val_{name}": value for name, value in measured.items()}


@torch.no_grad()
def over(
    task: Task,
    model: Model,
    data: ResidentData,
    split: tuple[Tensor, Tensor],
    num_members: int | None = None,
    at_once: int = 0,
) -> dict[str, Tensor]:
    """Return the metrics over ``split``, float64 (members,) on the CPU; ``model`` is in evaluation mode.

    ``split`` is (inputs as ``data`` keeps them, targets). ``num_members`` is None for a model alone, whose outputs
    have no dimension of members.
    """
    return metrics(task, per_example(task, model, data, split, num_members, at_once), split[1])


def metrics(task: Task, values: Mapping[str, Tensor], y: Tensor) -> dict[str, Tensor]:
    """Return the task's metrics of what it says of each example, float64 (members,) on the host."""
    return {name: value.double().cpu() for name, value in task.metrics(values, y).items()}


def per_example(
    task: Task,
    model: Model,
    data: ResidentData,
    split: tuple[Tensor, Tensor],
    num_members: int | None = None,
    at_once: int = 0,
) -> dict[str, Tensor]:
    """Return the task's values for each example: (members, examples, ...), of a model alone (1, examples, ...).

    The split is evaluated in chunks of ``at_once`` examples; 0: of as many as stay below the limit on elements, and
    at least 64. Padded rows of alike lengths share a chunk.
    """
    x, y = split
    order = lengths_of(x).argsort(stable=True) if data.padded and data.ready else None
    if order is not None:
        x, y = x[order], y[order]
    limit = GPU_ELEMENTS if x.is_cuda else CPU_ELEMENTS
    each = max(x[0].numel(), math.prod(data.shape.example), y[0].numel() * data.shape.num_outputs)
    each *= data.numbers_a_token if data.padded else 1
    chunk = at_once or max(64, limit // ((num_members or 1) * each))
    pieces: dict[str, list[Tensor]] = {}
    for part, targets in zip(torch.split(x, chunk), torch.split(y, chunk), strict=True):
        for name, value in task.evaluate(model, data.inputs(part), targets).items():
            pieces.setdefault(name, []).append(value if num_members else value.unsqueeze(0))
    joined = {name: torch.cat(parts, dim=1) for name, parts in pieces.items()}
    return joined if order is None else {name: value[:, order.argsort()] for name, value in joined.items()}
