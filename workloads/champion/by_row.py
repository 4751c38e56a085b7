"""Scores of final members by test row, or by group or block of rows that depend on each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from workloads.arrays import Array, Arrays, DataShape
from workloads.legs.predictions import MEAN
from workloads.tasks.contract import Task

MAX_UNITS = 100
"""Limit on the number of parts that are left out in turn, of a metric that is no mean of rows."""


@dataclass(frozen=True)
class Units:
    """The test rows in parts: ``of_row`` (rows,) is each row's part. ``single``: every row is independent."""

    of_row: Array
    single: bool
    kind: Literal["rows", "groups", "blocks"] = "rows"

    @property
    def count(self) -> int:
        """Number of parts."""
        return int(self.of_row.max(initial=-1)) + 1


def units(test: Arrays, shape: DataShape) -> Units:
    """Divide the test rows into parts that do not depend on each other.

    Windows of a series or a text share values with their neighbours: blocks in the order of time (Künsch 1989, The
    Annals of Statistics 17(3)), each as long as what two windows can share, a season, or the cube root of their
    number. Rows of one group stay together. All others stand for themselves.
    """
    num_rows = len(test)
    if shape.problem in ("forecast", "language"):
        length = max(int(np.ceil(num_rows ** (1 / 3))), 1)
        if shape.problem == "forecast":
            length = max(length, test.y.shape[1], shape.season)
        count = max(1, min(MAX_UNITS, num_rows // length))
        return Units(np.arange(num_rows) * count // max(num_rows, 1), False, "blocks")
    if test.groups is not None:
        return Units(np.unique(test.groups, return_inverse=True)[1], False, "groups")
    return Units(np.arange(num_rows), True)


@torch.no_grad()
def by_row(task: Task, found: Sequence[Mapping[str, Array]], y: Tensor, metric: str, parts: Units) -> Array | None:
    """Return scores (seeds, parts) of ``metric``, whose mean over parts is the score of each seed.

    ``found`` holds what is ``kept`` of each seed. A mean of rows is taken as it is; of parts of several rows each
    stands for the sum of its rows' deviations. Of any other metric these are the jackknife's pseudo-values,
    U T - (U - 1) T(without u) for U parts (Tukey 1958). None where the outputs were not kept, or where the metric
    is not defined without some part.
    """
    means = [one.get(metric + MEAN) for one in found]
    if all(one is not None for one in means):
        of_rows = np.stack([np.asarray(one, np.float64) for one in means if one is not None])
        return _summed(of_rows, parts) if np.isfinite(of_rows).all() and parts.count > 1 else None
    names = [name for name in found[0] if not name.endswith(MEAN)]
    if not names or parts.count < 2:
        return None
    values = {name: torch.from_numpy(np.stack([one[name] for one in found])) for name in names}
    of_row = parts.of_row
    if parts.single and parts.count > MAX_UNITS:
        of_row = np.random.default_rng(0).permutation(len(of_row)) % MAX_UNITS
    count = int(of_row.max()) + 1
    measured = task.metrics(values, y)
    if metric not in measured:  # the workload reports it by itself
        return None
    whole = measured[metric].double().numpy()
    left = []
    for unit in range(count):
        rows = torch.from_numpy(np.flatnonzero(of_row != unit))
        without = {name: value.index_select(1, rows) for name, value in values.items()}
        left.append(task.metrics(without, y.index_select(0, rows))[metric].double().numpy())
    found_values: Array = count * whole[:, None] - (count - 1) * np.stack(left, 1)
    return found_values if np.isfinite(found_values).all() else None


def _summed(rows: Array, parts: Units) -> Array:
    """Return (seeds, parts): the mean over rows plus each part's sum of deviations, scaled to a mean of parts."""
    if parts.single:
        return rows
    mean = rows.mean(1, keepdims=True)
    sums = np.stack([np.bincount(parts.of_row, row, parts.count) for row in rows - mean])
    found: Array = mean + sums * parts.count / rows.shape[1]
    return found
