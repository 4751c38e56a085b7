"""A table on the device: features of its columns, by a pipeline that is fitted on the training split alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from workloads.data.search_data import SearchData
from workloads.tables.columns import decode
from workloads.tables.hyperparameters import TableFeatures
from workloads.tables.pipeline import Fitted, fit, refuse_missing
from workloads.tables.prepare import PrepareTable
from workloads.training.batches import ResidentData, standardised, tensor

ROWS_AT_ONCE = 50_000


def features_of(hp: Any) -> TableFeatures:
    """Return the hyperparameters that prepare a table; the defaults for a workload that has none."""
    return hp if isinstance(hp, TableFeatures) else TableFeatures()


def table(hp: Any, search: SearchData, device: torch.device, dtype: torch.dtype) -> ResidentData:
    """Return both splits on ``device`` as features. Raises Infeasible where ``hp`` does not fit this table."""
    columns, wanted = search.train.columns, features_of(hp)
    frames = [decode(part.x, columns) for part in (search.train, search.val)]
    for frame in frames:
        refuse_missing(wanted, frame, columns)
    fitted = fit(wanted, frames[0], columns, search.train.y, search.problem)
    prepare = PrepareTable(fitted, columns, torch.empty(0, dtype=dtype, device=device))
    x_train, x_val = (features(fitted, frame, dtype).to(device) for frame in frames)
    shape = replace(search.shape(), example=tuple(x_train.shape[1:]), categories=fitted.categories)
    y_train, y_val = (standardised(tensor(part.y).to(device), shape) for part in (search.train, search.val))
    return ResidentData(x_train, y_train, x_val, y_val, shape, prepare, dtype, ready=True)


def features(fitted: Fitted, frame: Any, dtype: torch.dtype) -> torch.Tensor:
    """Return the features of ``frame``, of some rows at a time: those of all would be in memory as float64 too."""
    starts = range(0, max(1, len(frame)), ROWS_AT_ONCE)
    return torch.cat([tensor(fitted(frame[start : start + ROWS_AT_ONCE])).to(dtype) for start in starts])
