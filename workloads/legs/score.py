"""A trained model measured with everything that its task knows, once, for the verdict."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from workloads.data.prepare import Arrays
from workloads.tasks.contract import Task
from workloads.training.batches import standardised, tensor
from workloads.training.evaluate import over
from workloads.training.setup import Setup


def thorough(setup: Setup) -> Task:
    """The task with the measures that are too dear for every epoch."""
    if setup.workload.judge is not None:
        return setup.task()
    objective = "val_roc_auc" if setup.data.shape.problem == "classification" else setup.objective.name
    return setup.workload.task(setup.data.shape, objective)


@torch.no_grad()
def scores(setup: Setup, model: nn.Module, test: Arrays, at_once: int = 0) -> dict[str, float]:
    """``val_*`` and ``test_*`` of ``model``, which is in evaluation mode; ``test`` is raw."""
    data, task = setup.data, thorough(setup)
    with setup.autocast():
        measured = {
            "val": over(task, model, data, (data.x_val, data.y_val), None, at_once),
            "test": over(task, model, data.raw(test.columns), on_device(setup, test), None, at_once),
        }
    return {f"{split}_{name}": float(v) for split, values in measured.items() for name, v in values.items()}


def on_device(setup: Setup, part: Arrays) -> tuple[Tensor, Tensor]:
    """Raw inputs, and the targets as models predict them."""
    data = setup.data
    return tensor(part.x).to(data.device), standardised(tensor(part.y).to(data.device), data.shape)
