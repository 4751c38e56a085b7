"""Loss and metrics of a model, or of a whole cohort at once, over a split."""

from __future__ import annotations

import torch
from torch import Tensor

from workloads.resident import ResidentData
from workloads.task import Model, Task

CPU_ELEMENTS = 2**22
GPU_ELEMENTS = 2**28


@torch.no_grad()
def evaluate(task: Task, model: Model, data: ResidentData, num_members: int = 1) -> dict[str, Tensor]:
    """Means over the validation split, float64 of shape (members,), as ``val_loss`` and so on.

    The split goes through in one piece where the members' inputs stay below a bound, else in equal chunks.
    """
    return {f"val_{k}": v for k, v in over(task, model, data, (data.x_val, data.y_val), num_members).items()}


@torch.no_grad()
def over(
    task: Task, model: Model, data: ResidentData, split: tuple[Tensor, Tensor], num_members: int = 1
) -> dict[str, Tensor]:
    """Means over ``split``: inputs as ``data`` keeps them, and labels; ``model`` is in evaluation mode."""
    x, y = split
    limit = GPU_ELEMENTS if x.is_cuda else CPU_ELEMENTS
    chunk = max(64, limit // (num_members * x[0].numel()))
    sums: dict[str, Tensor] = {}
    for part, labels in zip(torch.split(x, chunk), torch.split(y, chunk), strict=True):
        for name, value in task.evaluate(model, data.inputs(part), labels).items():
            sums[name] = sums.get(name, torch.zeros(())) + value.double().cpu()
    return {name: (value / len(y)).reshape(-1) for name, value in sums.items()}
