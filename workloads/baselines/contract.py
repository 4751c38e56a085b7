"""What a baseline is: a simple model, fitted once on the training rows, that a champion must beat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from search_spaces.types.problems import DataKind
from workloads.arrays import Array, Arrays
from workloads.data.search_data import SearchData

Predict: TypeAlias = Callable[[Arrays], Array]
"""Function from raw examples to outputs, float64.

Of classes (rows, classes), characters and words (rows, steps, outputs) log-probabilities, of completions sums
(rows, 5) as a causal model returns them, else (rows, numbers) in the target's own units.
"""
LEAST = float(np.finfo(np.float64).eps)
"""Least probability of a class: one that was never seen has it, as in scikit-learn's ``log_loss``."""


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """One simple model. ``serves`` says of data and a metric (without ``val_``) whether it is for them."""

    key: str
    """Its name in files: letters, digits and ``-``."""
    name: str
    """Its name for people."""
    serves: Callable[[SearchData, str], bool]
    fit: Callable[[SearchData, Arrays], Predict]
    """Fits it on these training rows, of which there may be fewer than in the data."""
    trained: bool = True
    """False where it needs no model: a constant, or a value of the past."""
    max_rows: int = 100_000
    """Limit on the training rows that it is fitted on."""
    max_numbers: int = 2**26
    """Limit on the numbers in the inputs of these rows; of sentences on their characters."""
    max_outputs: int = 2**62
    """Limit on rows times classes, where the time goes with both."""

    def sample(self, search: SearchData) -> Arrays:
        """Return the training rows that it is fitted on: all, or as many as the limits allow, drawn by seed 0.

        What needs no model takes all. Windows of a text are the last ones, which follow each other.
        """
        train = search.train
        limits = self.max_rows, self.max_numbers // _width(search), self.max_outputs // search.num_outputs
        most = max(1, min(limits))
        if len(train) <= most or not self.trained:
            return train
        if search.problem == "language":
            return train.take(np.arange(len(train) - most, len(train)))
        return train.take(np.sort(np.random.default_rng(0).choice(len(train), most, replace=False)))


def _width(search: SearchData) -> int:
    """Return the numbers in the input of one row; of sentences the mean of their characters."""
    if not search.sentences:
        return max(1, int(np.prod(search.shape().example)))
    each = [np.mean([len(text) for text in column.values] or [0]) for column in search.train.columns]
    return max(1, int(sum(each)))


def kind_of(search: SearchData) -> DataKind:
    """Return the kind of the data's examples."""
    if search.problem in ("forecast", "language"):
        return "series" if search.problem == "forecast" else "text"
    if search.problem == "tagging":
        return "tagged"
    if search.sentences:
        return "completions" if search.problem == "completion" else "sentences"
    return "image" if search.train.x.dtype == np.uint8 else "table"


def log_probabilities(shares: Array, classes: Array, num_classes: int) -> Array:
    """Return log-probabilities (rows, all classes) of ``shares`` (rows, ``classes``), each at least ``LEAST``."""
    found = np.full((len(shares), num_classes), LEAST)
    found[:, classes] = np.maximum(shares, LEAST)
    logs: Array = np.log(found)
    return logs
