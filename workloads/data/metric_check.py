"""Checks that the sweep's metric is defined on the rows on which it will be measured."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from workloads.arrays import Array, Arrays, DataError
from workloads.data.raw import NOT_COUNTED
from workloads.data.search_data import SearchData

NEEDED = {"val_roc_auc": "two classes", "val_r2": "two values of the target", "val_f1": "two labels"}
"""What each metric must find in the rows: with fewer all models get the same value, or none."""


def check_metric(metric: str, search: SearchData, test: Arrays | None = None) -> None:
    """Raise DataError where ``metric`` cannot tell models apart on some part of the data; every part is named.

    The parts are the validation rows of each fold, else the validation split, and ``test`` if it is given.
    """
    if metric not in NEEDED:
        return
    faulty = [name for name, y in _measured_on(search, test) if _num_values(y) < 2]
    if faulty:
        ways = "fewer folds, " if search.folds else ""
        raise DataError(
            f"metric.name: {metric} needs {NEEDED[metric]} in the rows that it is measured on, received one in "
            f"{', '.join(faulty)}: give {ways}larger shares in data.split, another split.seed, or another metric"
        )


def _num_values(y: Array) -> int:
    return len(np.unique(y if np.issubdtype(y.dtype, np.floating) else y[y != NOT_COUNTED]))


def _measured_on(search: SearchData, test: Arrays | None) -> Iterator[tuple[str, Array]]:
    if search.folds:
        pool = np.concatenate([search.train.y, search.val.y])
        yield from ((f"fold {number}", pool[val]) for number, (_, val) in enumerate(search.folds))
    yield "the validation split", search.val.y  # of final members, too
    if test is not None:
        yield "the test split", test.y
