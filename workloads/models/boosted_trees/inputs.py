"""A table as trees take it: categories as codes and missing values as they are, numbers in float64."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from workloads.arrays import Array, Arrays, DataShape, Infeasible
from workloads.data.search_data import SearchData
from workloads.models.boosted_trees.hyperparameters import BoostedTreesHyperparameters
from workloads.tables.columns import decode
from workloads.tables.hyperparameters import TableFeatures
from workloads.tables.native import fit_native
from workloads.tables.prepare import PrepareTable
from workloads.training.batches import ResidentData, standardised, tensor
from workloads.training.table_inputs import features

NEAR_ZERO = 1e-9
"""Targets, in standard deviations, that are taken for 0: they were standardised and are not any more."""


def inputs(hp: BoostedTreesHyperparameters, search: SearchData) -> ResidentData:
    """Return both splits: first the codes of categories, then all other features; NaN is missing or unknown."""
    columns = search.train.columns
    frames = [decode(part.x, columns) for part in (search.train, search.val)]
    wanted = TableFeatures(
        imputation="none", scaling="none", rare=hp.rare, date_parts=hp.date_parts, text_features=hp.text_features
    )
    fitted = fit_native(wanted, frames[0], columns, hp.max_bins)
    prepare = PrepareTable(fitted, columns, torch.empty(0, dtype=torch.float64))
    x_train, x_val = (features(fitted, frame, torch.float64) for frame in frames)
    shape = replace(search.shape(), example=tuple(x_train.shape[1:]), categories=fitted.categories)
    y_train, y_val = (standardised(tensor(part.y), shape) for part in (search.train, search.val))
    return ResidentData(x_train, y_train, x_val, y_val, shape, prepare, torch.float64, ready=True)


def merged(hp: BoostedTreesHyperparameters, train: Arrays) -> str | None:
    """Return a line on the columns with more categories than trees take, whose rarest are one; None without any."""
    counts = {
        column.name: len(np.unique(values[~np.isnan(values)]))
        for column, values in zip(train.columns, train.x.T, strict=True)
        if column.kind == "category"
    }
    many = [f"{name!r} ({count:,})" for name, count in counts.items() if count > hp.max_bins]
    if not many:
        return None
    which = f"column {many[0]}" if len(many) == 1 else f"columns {', '.join(many)}"
    return f"{which}: the {hp.max_bins - 1} most frequent categories stay, all others are one (max_bins)"


def own_units(y: Tensor, shape: DataShape, loss: str) -> Array:
    """Return targets as the estimator takes them: classes, or numbers in the target's own units.

    Raises Infeasible where ``loss`` cannot be of them.
    """
    if shape.problem == "classification":
        return y.numpy()
    numbers: Array = y.double().numpy() * shape.target_std + shape.target_mean
    numbers = np.where(np.abs(numbers) < NEAR_ZERO * shape.target_std, 0.0, numbers)
    refuse_targets(loss, float(numbers.min()))
    return numbers


def refuse_targets(loss: str, least: float) -> None:
    """Raise Infeasible where the ``least`` target is below what ``loss`` can be of."""
    if loss == "poisson" and least < 0:
        raise Infeasible(f"loss: poisson needs targets of at least 0, received {least:g}: take squared_error")
    if loss == "gamma" and least <= 0:
        raise Infeasible(f"loss: gamma needs targets above 0, received {least:g}: take poisson or squared_error")
