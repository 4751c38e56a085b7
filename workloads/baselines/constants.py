"""Baselines that need no model: the class or the number that is always predicted, and values of the past."""

from __future__ import annotations

import numpy as np

from workloads.arrays import Array, Arrays
from workloads.baselines.contract import Predict
from workloads.data.raw import NOT_COUNTED
from workloads.data.search_data import SearchData


def frequencies(search: SearchData, train: Arrays) -> Predict:
    """Return each class's, or character's, share of the training targets, with one more of each."""
    counts = search.shape().class_counts
    if not counts:
        codes = train.y[train.y != NOT_COUNTED]
        counts = tuple(np.bincount(codes.ravel(), minlength=search.num_outputs).tolist())
    seen = np.array(counts, dtype=np.float64) + 1
    return _always(np.log(seen / seen.sum()))


def mean(search: SearchData, train: Arrays) -> Predict:
    """Return the mean of the training targets, which has the least squared error of all constants."""
    return _always(train.y.astype(np.float64).mean(0))


def median(search: SearchData, train: Arrays) -> Predict:
    """Return the median of the training targets, which has the least absolute error of all constants."""
    return _always(np.median(train.y.astype(np.float64), axis=0))


def quantile(share: float, search: SearchData, train: Arrays) -> Predict:
    """Return the quantile of the training targets, which has the least pinball loss of all constants."""
    return _always(np.quantile(train.y.astype(np.float64), share, axis=0))


def _always(outputs: Array) -> Predict:
    return lambda rows: np.broadcast_to(outputs, (*_places(rows), outputs.shape[-1]))


def _places(rows: Arrays) -> tuple[int, ...]:
    """Return (rows,), or of a text (windows, steps)."""
    return rows.y.shape if rows.y.ndim > 1 and not np.issubdtype(rows.y.dtype, np.floating) else (len(rows),)


def seasonal(search: SearchData, train: Arrays) -> Predict:
    """Return the values of the same steps one season ago."""
    horizon, season = train.y.shape[1], search.season

    def predict(rows: Arrays) -> Array:
        ago: Array = rows.x[:, rows.x.shape[1] - season + np.arange(horizon) % season, 0]
        return ago

    return predict


def last_value(search: SearchData, train: Arrays) -> Predict:
    """Return the window's last value, for every step ahead."""
    horizon = train.y.shape[1]
    return lambda rows: np.repeat(rows.x[:, -1:, 0], horizon, axis=1)
