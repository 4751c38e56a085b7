"""Fits the statistics of the training split with which ``layers.Preprocess`` prepares features."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from workloads.arrays import Array
from workloads.data.sources.image_records import heads


@dataclass(frozen=True)
class Statistics:
    """Statistics of each feature, float64: (features,) of a table, (channels, 1, 1) of images."""

    fill: Array
    """Value that replaces a missing one: the feature's median, 0 where all are missing."""
    mean: Array
    std: Array
    """Standard deviation, 1 for a constant feature."""


def fit(x: Array) -> Statistics:
    """Return the statistics of raw training inputs ``x``.

    A table (rows, features), images (rows, channels, height, width) in uint8, or records of images on disk.
    """
    if x.ndim == 4:
        return _fit_images(x)
    return _fit_table(x) if x.dtype != np.uint8 else _fit_records(x)


def _fit_table(x: Array) -> Statistics:
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # NumPy reckons without the interpreter's lock
        found = np.array([*pool.map(_fit_column, x.T)]).reshape(-1, 3)
    fill, mean, std = found.T.copy()
    return Statistics(fill, mean, _nonzero(std))


def _fit_column(column: Array) -> tuple[float, float, float]:
    """Return the median of what is not missing, mean and deviation."""
    missing = np.isnan(column)
    known = column[~missing] if missing.any() else column
    fill = float(np.median(known)) if len(known) else 0.0
    filled = column if known is column else np.where(missing, fill, column)
    with np.errstate(over="ignore", invalid="ignore"):  # of enormous numbers
        return fill, float(filled.mean()), float(filled.std())


def _fit_images(x: Array) -> Statistics:
    """Return exact statistics from each channel's histogram, without a copy of the images in floats."""
    assert x.dtype == np.uint8, x.dtype
    levels = np.arange(256.0)
    shares = np.stack([np.bincount(channel.ravel(), minlength=256) for channel in x.swapaxes(0, 1)]) / x[:, 0].size
    mean = shares @ levels
    std = np.sqrt((shares * (levels - mean[:, None]) ** 2).sum(axis=1))
    return Statistics(np.zeros((len(mean), 1, 1)), mean[:, None, None], _nonzero(std)[:, None, None])


def _fit_records(x: Array) -> Statistics:
    """Return the statistics of images on disk from the means and mean squares in their records."""
    found = heads(x)
    mean = found["mean"].mean(axis=0)
    std = np.sqrt(np.maximum(found["square"].mean(axis=0) - mean**2, 0))
    return Statistics(np.zeros((3, 1, 1)), mean[:, None, None], _nonzero(std)[:, None, None])


def _nonzero(std: Array) -> Array:
    return np.where(std > 0, std, 1.0)
