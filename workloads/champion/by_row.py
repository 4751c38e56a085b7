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
MAX_BLOCKS = 8
"""Limit on the number of blocks in time: few and long ones hold what depends on each other, also if that is long.

Of as few the interval is Student's with few degrees of freedom (Ibragimov & Müller 2010, JBES 28(4)).
"""


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

    @property
    def free(self) -> float | None:
        """Degrees of freedom of a variance over the parts, where they are groups or blocks.

        Those of as many equal parts as have the spread of these: where a few hold most rows, a few count.
        """
        if self.single:
            return None
        squares = np.bincount(self.of_row).astype(np.float64) ** 2
        return max(1.0, float(squares.sum() ** 2 / (squares**2).sum()) - 1)


def units(test: Arrays, shape: DataShape) -> Units:
    """Divide the test rows into parts that do not depend on each other.

    Windows of a series or a text share values with their neighbours: blocks in the order of time (Künsch 1989, The
    Annals of Statistics 17(3)), each at least as long as what two windows can share, a season, or the cube root of
    their number. A block holds the windows of all series at its times, which ``test.groups`` counts. Rows of one
    group stay together. All others stand for themselves.
    """
    if shape.problem in ("forecast", "language"):
        times = np.arange(len(test)) if test.groups is None else test.groups
        num_times = int(times.max(initial=0)) + 1
        length = int(np.ceil(num_times ** (1 / 3)))
        if shape.problem == "forecast":
            length = max(length, test.y.shape[1], shape.season)
        count = max(1, min(MAX_BLOCKS, num_times // length))
        return Units(times * count // num_times, False, "blocks")
    if test.groups is not None:
        return Units(np.unique(test.groups, return_inverse=True)[1], False, "groups")
    return Units(np.arange(len(test)), True)


@torch.no_grad()
def by_row(task: Task, found: Sequence[Mapping[str, Array]], y: Tensor, metric: str, parts: Units) -> Array | None:
    """Return scores (seeds, parts) of ``metric``, whose mean over parts is the score of each seed.

    ``found`` holds what is ``kept`` of each seed. A mean of rows is taken as it is; of parts of several rows each
    stands for the sum of its rows' deviations. Of any other metric these are the jackknife's pseudo-values
    (Tukey 1958), T + U (1 - s) (T - T(without u)) for U parts, s the share of rows in part u, which of a mean are
    the same sums. None where the outputs were not kept, or where the metric is not defined without some part.
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
    others = 1 - np.bincount(of_row) / len(of_row)
    found_values: Array = whole[:, None] + count * others * (whole[:, None] - np.stack(left, 1))
    return found_values if np.isfinite(found_values).all() else None


def _summed(rows: Array, parts: Units) -> Array:
    """Return (seeds, parts): the mean over rows plus each part's sum of deviations, scaled to a mean of parts."""
    if parts.single:
        return rows
    mean = rows.mean(1, keepdims=True)
    sums = np.stack([np.bincount(parts.of_row, row, parts.count) for row in rows - mean])
    found: Array = mean + sums * parts.count / rows.shape[1]
    return found
