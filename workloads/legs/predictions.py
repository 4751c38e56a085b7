"""What the task says of each test row, kept beside a final member's checkpoints: scores can be reckoned again."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor

from workloads.arrays import Array
from workloads.legs import checkpoint
from workloads.tasks.contract import Task

FILE = "predictions.npz"
MAX_BYTES = 2**25
"""Limit on a member's file; of larger outputs only what is one number a row is kept."""
TOO_LARGE = (
    "the outputs on the test rows are not kept: {:,.0f} MiB, and at most {:.0f} MiB are; metrics that are no means "
    "of rows have no interval over the rows, and predictions.parquet has means by row alone. Give fewer test rows, "
    "or of labelled words shorter sentences"
)
MEAN = ":mean"
"""Ending of the names of metrics that are means of rows, as ``Task.by_row`` gives them."""


def keep(root: str, key: str, task: Task, values: Mapping[str, Tensor], y: Tensor) -> list[str]:
    """Write what the task says of each test row, (1, rows, ...) each, beside the checkpoints of member ``key``.

    Returns a sentence for people where that is too large to be kept.
    """
    kept = {name: value[0].float().cpu().numpy() for name, value in values.items()}
    size = sum(value.nbytes for value in kept.values())
    if size > MAX_BYTES:
        kept = {}
    means = {f"{name}{MEAN}": value[0].cpu().numpy() for name, value in task.by_row(values, y).items()}
    file = io.BytesIO()
    arrays: dict[str, Any] = {**kept, **means}
    np.savez(file, **arrays)
    checkpoint.put(f"{root.rstrip('/')}/{key}", FILE, file.getvalue())
    return [] if size <= MAX_BYTES else [TOO_LARGE.format(size / 2**20, MAX_BYTES / 2**20)]


def kept(root: str, key: str) -> dict[str, Array] | None:
    """Return what ``keep`` wrote; None where there is no file, as for a sweep of an earlier version."""
    try:
        content = checkpoint.get(f"{root.rstrip('/')}/{key}", FILE)
    except FileNotFoundError:
        return None
    with np.load(io.BytesIO(content)) as file:
        return {name: file[name] for name in file.files}
