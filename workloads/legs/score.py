"""Scores a final member's model on the validation and the test split, with all metrics of its task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from workloads.data.prepare import Arrays
from workloads.tasks.contract import Task
from workloads.training.batches import standardised, tensor
from workloads.training.evaluate import metrics, over, per_example
from workloads.training.setup import Setup


def thorough(setup: Setup) -> Task:
    """Return the task with the metrics that take too long for every epoch (the area under the ROC curve)."""
    if setup.workload.judge is not None:
        return setup.task()
    metrics = "val_roc_auc" if setup.data.shape.problem == "classification" else setup.deciding
    return setup.workload.task(setup.data.shape, metrics)


@dataclass(frozen=True)
class Score:
    """Metrics ``val_*`` and ``test_*``, and what the ``task`` says of each test row: (1, rows, ...) by name."""

    metrics: Mapping[str, float]
    task: Task
    values: Mapping[str, Tensor]
    y: Tensor


@torch.no_grad()
def scores(setup: Setup, model: nn.Module, test: Arrays, at_once: int = 0) -> Score:
    """Return the scores of ``model``, which is in evaluation mode; ``test`` is raw.

    ``at_once`` is the number of examples in memory at once; 0: as many as stay below a bound.
    """
    data, task = setup.data, thorough(setup)
    split = on_device(setup, test)
    with setup.autocast():
        val = over(task, model, data, (data.x_val, data.y_val), None, at_once)
        values = per_example(task, model, data.raw(test.columns), split, None, at_once)
        measured = {"val": val, "test": metrics(task, values, split[1])}
    told = {f"{part}_{name}": float(v) for part, found in measured.items() for name, v in found.items()}
    return Score(told, task, values, split[1])


def on_device(setup: Setup, part: Arrays) -> tuple[Tensor, Tensor]:
    """Return raw inputs, and targets as models predict them: numbers are standardised."""
    data = setup.data
    if data.further is not None:
        return data.further(part)
    return tensor(part.x).to(data.device), standardised(tensor(part.y).to(data.device), data.shape)
