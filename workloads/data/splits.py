"""Splits rows into train, validation and test, or into folds: seeded, stratified by class; and counts copies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workloads.arrays import SPLITS, Array, DataError

if TYPE_CHECKING:
    from search_spaces.spec.data import Data, Split

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
            del shares[name]
            part = _Part(name, fraction, num_others=len(shares), seed=how.seed)
            rest, parts[name] = _two(rest, _Labels.of(y[rest], own), part)
    return {"train": rest, **parts}


def own_files(data: Data) -> dict[str, str]:
    """Return the path of each split that has a file of its own, by split."""
    return {name: path for name, path in (("val", data.val), ("test", data.test)) if path is not None}


def completed(y: Array, given: Array, how: Split) -> dict[str, Array]:
    """Return sorted row indices by split of a source that is split already, in ``given``, as split names (rows,).

    A missing test or validation split is taken from the training rows, and has a row of each of their classes.
    """
    parts = {name: np.flatnonzero(given == name) for name in SPLITS}
    missing = [name for name in ("test", "val") if len(parts[name]) == 0]
    for num_later, name in zip(reversed(range(len(missing))), missing, strict=True):
        share, train = getattr(how, name), parts["train"]
        part = _Part(name, share / (how.train + share), num_others=1 + num_later, seed=how.seed)
        parts["train"], parts[name] = _two(train, _Labels.of(y[train], None), part)
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


@dataclass(frozen=True)
class _Part:
    """A split that is to be taken from rows: its name, and its fraction of them."""

    name: str
    fraction: float
    num_others: int
    """Number of splits that the other rows are for: each class keeps as many rows there."""
    seed: int


def _two(rows: Array, labels: _Labels, part: _Part) -> tuple[Array, Array]:
    from sklearn.model_selection import train_test_split

    if labels.groups is not None:
        return _two_by_group(rows, labels, part)
    counts = np.array([]) if labels.classes is None else np.bincount(labels.classes)
    counts = counts[counts > 0]
    num_second = max(round(part.fraction * len(rows)), len(counts), 1)
    if len(counts) and counts.min() <= part.num_others:
        rule = f"each class needs {1 + part.num_others} rows to take {part.name} from, a row for each split"
        raise DataError(f"{rule}: the rarest has {counts.min()}")
    if len(counts):
        num_second = min(num_second, len(rows) - part.num_others * len(counts))
    everywhere = np.arange(len(rows))
    try:
        found = train_test_split(everywhere, test_size=num_second, random_state=part.seed, stratify=labels.classes)
    except ValueError as error:
        raise DataError(
            f"{len(rows)} rows are too few to split off {num_second} for {part.name}: {error}"
        ) from error
    if labels.classes is not None:
        found = _with_every_class(labels.classes, found, part)
    first, second = found
    return rows[np.sort(first)], rows[np.sort(second)]


def _with_every_class(classes: Array, found: Sequence[Array], part: _Part) -> tuple[Array, Array]:
    """Exchange rows of rare classes, whose shares round to none, until both parts have enough of each class.

    A row of the most frequent class comes back for each, so that the sizes stay as they are.
    """
    least, labels = (part.num_others, 1), np.flatnonzero(np.bincount(classes))
    counts = [np.bincount(classes[positions], minlength=labels[-1] + 1)[labels] for positions in found]
    if all((count >= num).all() for count, num in zip(counts, least, strict=True)):
        return found[0], found[1]
    first, second = (list(map(int, positions)) for positions in found)
    rng = np.random.default_rng(part.seed)

    def give(giver: list[int], taker: list[int], label: int) -> None:
        taker.append(giver.pop(int(rng.choice(np.flatnonzero(classes[giver] == label)))))

    for label in labels.tolist():
        for poor, rich, num in ((second, first, least[1]), (first, second, least[0])):
            while (classes[poor] == label).sum() < num:
                give(rich, poor, label)
                give(poor, rich, int(np.bincount(classes[poor]).argmax()))
    return np.array(first), np.array(second)


def _two_by_group(rows: Array, labels: _Labels, part: _Part) -> tuple[Array, Array]:
    """Return the random division of the groups, of GROUP_TRIES, whose sizes and class shares are nearest."""
    from sklearn.model_selection import GroupShuffleSplit

    assert labels.groups is not None
    splitter = GroupShuffleSplit(n_splits=GROUP_TRIES, test_size=part.fraction, random_state=part.seed)
    try:
        tries = list(splitter.split(rows, groups=labels.groups))
    except ValueError as error:
        num_groups = len(np.unique(labels.groups))
        rule = f"too few groups to split off {part.name}: there must be one or more for each split"
        raise DataError(f"data.split.group: {rule}, received {num_groups}") from error
    first, second = min(tries, key=lambda parts: _unevenness(labels.classes, parts, part.fraction))
    for name, found in (("train", first), (part.name, second)):
        classes = labels.classes
        if classes is not None and len(np.unique(classes[found])) < len(np.unique(classes)):
            rule = f"each class needs more groups, else {name} has no row of some class"
            raise DataError(f"data.split.group: {rule}")
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
    what, count = ("rows", len(y)) if groups is None else ("groups", len(np.unique(groups)))
    if count < how.folds:
        there = f"there are {count} {what} beside the test split"
        raise DataError(f"data.split.folds: {how.folds} folds cannot be made: {there}")
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
