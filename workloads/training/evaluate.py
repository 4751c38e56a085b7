"""Loss and metrics of a model, or of a whole cohort at once, over a split."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from workloads.tasks.contract import Model, Task
from workloads.training.batches import ResidentData
from workloads.training.process_group import ALONE, ProcessGroup

CPU_ELEMENTS = 2**22
GPU_ELEMENTS = 2**28


@torch.no_grad()
def evaluate(
    task: Task,
    model: Model,
    data: ResidentData,
    num_members: int | None = None,
    at_once: int = 0,
    group: ProcessGroup = ALONE,
) -> dict[str, Tensor]:
    """Metrics of the validation split, float64 of shape (members,), as ``val_loss`` and so on.

    The processes of a ``ring`` measure equal parts of it, and all get what the whole comes to.
    """
    x, y = data.x_val, data.y_val
    values = per_example(task, model, data, (group.rows(x), group.rows(y)), num_members, at_once)
    measured = _metrics(task, group.joined(values, len(y)), y)
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
    """Metrics over ``split``: inputs as ``data`` keeps them, and targets; ``model`` is in evaluation mode.

    ``num_members`` is None for a model alone, whose outputs have no dimension of members.
    """
    return _metrics(task, per_example(task, model, data, split, num_members, at_once), split[1])


def _metrics(task: Task, values: Mapping[str, Tensor], y: Tensor) -> dict[str, Tensor]:
    return {name: value.double().cpu() for name, value in task.metrics(values, y).items()}


def per_example(
    task: Task,
    model: Model,
    data: ResidentData,
    split: tuple[Tensor, Tensor],
    num_members: int | None = None,
    at_once: int = 0,
) -> dict[str, Tensor]:
    """What the task says of each example, (members, examples, ...); of a model alone (1, examples, ...).

    The split goes through in one piece where the members' inputs and outputs stay below a bound, else in chunks, if
    given of ``at_once`` examples.
    """
    x, y = split
    limit = GPU_ELEMENTS if x.is_cuda else CPU_ELEMENTS
    each = max(x[0].numel(), math.prod(data.shape.example), y[0].numel() * data.shape.num_outputs)
    chunk = at_once or max(64, limit // ((num_members or 1) * each))
    pieces: dict[str, list[Tensor]] = {}
    for part, targets in zip(torch.split(x, chunk), torch.split(y, chunk), strict=True):
        for name, value in task.evaluate(model, data.inputs(part), targets).items():
            pieces.setdefault(name, []).append(value if num_members else value.unsqueeze(0))
    return {name: torch.cat(parts, dim=1) for name, parts in pieces.items()}
