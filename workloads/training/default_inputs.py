"""Default task and inputs, for workloads that declare none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workloads.arrays import DataShape

if TYPE_CHECKING:
    from torch import device, dtype

    from workloads.data.search_data import SearchData
    from workloads.tasks.contract import Task
    from workloads.training.batches import ResidentData


def default_task(shape: DataShape, metrics: str) -> Task:
    """Return the task that fits the data's problem; ``metrics`` are those that decide, separated by blanks."""
    from workloads.tasks.by_problem import task_of  # 1,100 ms: torch

    return task_of(shape, metrics)


def default_data(hp: Any, search: SearchData, device: device, dtype: dtype) -> ResidentData:
    """Return both splits on the device: tables prepared as the hyperparameters say, other data standardised."""
    from workloads.training.batches import resident  # 1,200 ms: torch

    if search.train.columns:
        from workloads.training.table_inputs import table  # 1,200 ms: torch

        return table(hp, search, device, dtype)
    return resident(search, device, dtype)
