"""Prepares a table's first rows as trials do that train with the defaults and the fixed values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from workloads.arrays import Array
from workloads.data.search_data import SearchData
from workloads.tables.columns import decode
from workloads.tables.hyperparameters import TableFeatures
from workloads.tables.pipeline import fit, refuse_missing


@dataclass(frozen=True)
class Features:
    """Features of a table's rows, as a model is given them."""

    number: int
    """Number of features of a row."""
    rows: tuple[tuple[float | None, ...], ...]
    """The features of the first training rows; None is a missing or an infinite value."""


def features_of_rows(hp: Any, search: SearchData, rows: Array | Sequence[int]) -> Features | None:
    """Return the features of training rows ``rows``; None for data that is no table, and for sentences.

    Fits the pipeline of the hyperparameters ``hp`` on the training split. Raises Infeasible where that fails.
    """
    columns = search.train.columns
    if not columns or search.sentences:
        return None
    chosen, frame = hp if isinstance(hp, TableFeatures) else TableFeatures(), decode(search.train.x, columns)
    refuse_missing(chosen, frame, columns)
    found = fit(chosen, frame, columns, search.train.y, search.problem)(frame.iloc[rows])
    plain = tuple(tuple(float(cell) if isfinite(cell) else None for cell in row) for row in found)
    return Features(found.shape[1], plain)
