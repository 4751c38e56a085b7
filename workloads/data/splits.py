"""Splits rows into train, validation and test, or into folds: seeded, stratified by class; and counts copies."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workloads.arrays import SPLITS, Array, DataError

if TYPE_CHECKING:
    from search_spaces.spec.data import Split

GROUP_TRIES = 50
"""Number of random divisions of the groups that are tried; the most even one is taken."""


def split(
    y: Array, how: Split, *, with_test: bool, with_val: bool = True, groups: Array | None = None
) -> dict[str, Array]:
    """Return sorted row indices by split; without a split that has a file of its own, whose share the others get.

    Classes are stratified: each class has a row in each split. Rows of one group stay together, and the shares are
    then only as near as groups allow. Raises DataError where there are too few rows or groups.
    """
    shares = {"train": how.train}
    shares |= {"val": how.val} if with_val else {}
    shares |= {"test": how.test} if with_test else {}
    rest = np.arange(len(y))
    parts: dict[str, Array] = {}
    for name in ("test", "val"):
        if name in shares:
            fraction = shares[name] / math.fsum(shares.values())
            own = None if groups is None else groups[rest]
            rest, parts[name] = _two(rest, _Labels.of(y[rest], own), fraction, name, how.seed)
            del shares[name]
    return {"train": rest, **parts}


def completed(y: Array, given: Array, how: Split) -> dict[str, Array]:
    """Return sorted row indices by split of a source that is split already, in ``given``, as split names (rows,).

    A missing test or validation split is taken from the training rows.
    """
    parts = {name: np.flatnonzero(given == name) for name in SPLITS}
    for name, share in (("test", how.test), ("val", how.val)):
        if len(parts[name]) == 0:
            train = parts["train"]
            labels = _Labels.of(y[train], None)
            parts["train"], parts[name] = _two(train, labels, share / (how.train + share), name, how.seed)
    return parts


def in_order(num_steps: int, how: Split, *, with_test: bool) -> dict[str, range]:
    """Return each split's positions in a sequence: train, then val, then (``with_test``) test."""
    names = SPLITS if with_test else SPLITS[:2]
    fractions = [getattr(how, name) for name in names]
    ends = [round(num_steps * sum(fractions[: i + 1]) / sum(fractions)) for i in range(len(names))]
    return {name: range(start, end) for name, start, end in zip(names, [0, *ends], ends, strict=False)}


@dataclass(frozen=True)
class _Labels:
    """Class and group of each row, by which rows are divided; None without classes or groups."""

    classes: Array | None
    groups: Array | None

    @classmethod
    def of(cls, y: Array, groups: Array | None) -> _Labels:
        return cls(None if np.issubdtype(y.dtype, np.floating) else y, groups)


def _two(rows: Array, labels: _Labels, fraction: float, name: str, seed: int) -> tuple[Array, Array]:
    from sklearn.model_selection import train_test_split

    if labels.groups is not None:
        return _two_by_group(rows, labels, fraction, name, seed)
    num_classes = 1 if labels.classes is None else len(np.unique(labels.classes))
    num_second = max(round(fraction * len(rows)), num_classes)
    try:
        first, second = train_test_split(rows, test_size=num_second, random_state=seed, stratify=labels.classes)
    except ValueError as error:
        raise DataError(f"{len(rows)} rows are too few to split off {num_second} for {name}: {error}") from error
    return np.sort(first), np.sort(second)


def _two_by_group(rows: Array, labels: _Labels, fraction: float, name: str, seed: int) -> tuple[Array, Array]:
    """Return the random division of the groups, of GROUP_TRIES, whose sizes and class shares are nearest."""
    from sklearn.model_selection import GroupShuffleSplit

    splitter = GroupShuffleSplit(n_splits=GROUP_TRIES, test_size=fraction, random_state=seed)
    try:
        tries = list(splitter.split(rows, groups=labels.groups))
    except ValueError as error:
        raise DataError(f"data.split.group: too few groups to split off {name}: {error}") from error
    first, second = min(tries, key=lambda parts: _unevenness(labels.classes, parts, fraction))
    if labels.classes is not None and len(np.unique(labels.classes[second])) < len(np.unique(labels.classes)):
        raise DataError(f"data.split.group: each class needs more groups, else {name} has no row of some class")
    return rows[first], rows[second]


def _unevenness(classes: Array | None, parts: tuple[Array, Array], fraction: float) -> float:
    """Return how far the second part is from ``fraction`` of all rows and of each class's rows.

    Plus 1 for each class that only one part has.
    """
    first, second = parts
    size = len(second) / (len(first) + len(second))
    if classes is None:
        return abs(size - fraction)
    counts = [np.bincount(classes[part], minlength=classes.max() + 1) for part in parts]
    shares = counts[1] / np.maximum(counts[0] + counts[1], 1)
    bare = np.logical_xor(counts[0] > 0, counts[1] > 0).sum()
    return float(bare + abs(size - fraction) + np.abs(shares - fraction).mean())


Fold = tuple[Array, Array]
"""Rows to train on and rows to validate on, as positions in the training rows followed by the validation rows."""


def folds(y: Array, how: Split, groups: Array | None = None) -> tuple[Fold, ...]:
    """Return ``how.folds`` folds, stratified by class, with the rows of a group together.

    Raises DataError where a class has too few rows or groups, or a fold would be empty.
    """
    from sklearn import model_selection

    assert how.folds is not None
    labels = _Labels.of(y, groups)
    kinds = {
        (False, False): model_selection.KFold,
        (True, False): model_selection.StratifiedKFold,
        (False, True): model_selection.GroupKFold,
        (True, True): model_selection.StratifiedGroupKFold,
    }
    kind = kinds[labels.classes is not None, groups is not None]
    if labels.classes is not None and groups is None:
        rarest = int(np.bincount(labels.classes)[np.unique(labels.classes)].min())
        if rarest < how.folds:
            raise DataError(
                f"data.split.folds: each class needs a row a fold beside the test split, received {how.folds} "
                f"folds and {rarest} rows of the rarest class"
            )
    splitter = kind(how.folds, shuffle=True, random_state=how.seed)
    try:
        found = tuple(splitter.split(np.zeros(len(y)), labels.classes, groups))
    except ValueError as error:
        raise DataError(f"data.split.folds: {how.folds} folds cannot be made: {error}") from error
    _check_folds(labels, found)
    return found


def _check_folds(labels: _Labels, found: tuple[Fold, ...]) -> None:
    num_classes = 0 if labels.classes is None else len(np.unique(labels.classes))
    for number, (train, val) in enumerate(found):
        if len(train) == 0 or len(val) == 0:
            raise DataError(f"data.split.folds: fold {number} has no rows: give fewer folds")
        if labels.classes is not None and len(np.unique(labels.classes[train])) < num_classes:
            raise DataError(
                f"data.split.folds: fold {number} would train without some class: too few groups have it"
            )


def blocks(num_windows: int, how: Split, gap: int) -> tuple[Fold, ...]:
    """Return folds of windows in the order of time: each validates on a block and trains on the windows before it.

    The ``gap`` windows before the block, which share values with it, are left out. Raises DataError for too few.
    """
    from sklearn.model_selection import TimeSeriesSplit

    try:
        return tuple(TimeSeriesSplit(how.folds, gap=gap).split(np.zeros(num_windows)))
    except ValueError as error:
        raise DataError(f"data.split.folds: {how.folds} folds cannot be made: {error}") from error


def duplicates(parts: Mapping[str, Array]) -> dict[str, int]:
    """Return how many rows of val and test have exactly the inputs of a row in an earlier split.

    Keys are ``val_in_train``, ``test_in_train`` and ``test_in_val``.
    """
    hashes = {
        name: [hashlib.blake2b(row.tobytes(), digest_size=16).digest() for row in x] for name, x in parts.items()
    }
    known = {name: set(rows) for name, rows in hashes.items()}
    pairs = (("val", "train"), ("test", "train"), ("test", "val"))
    return {f"{late}_in_{early}": sum(h in known[early] for h in hashes[late]) for late, early in pairs}
