"""Train, validation and test: split once, seeded and stratified by class, and checked for copies."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from workloads.features import Array

if TYPE_CHECKING:
    from search_spaces.data import Split
    from workloads.columns import Column

SPLITS = ("train", "val", "test")


class DataError(Exception):
    """Data that cannot be used, in one plain sentence for the user."""


@dataclass(frozen=True)
class Arrays:
    """Raw examples: ``x`` (rows, *example), float64 tables or uint8 images.

    ``y`` is (rows,) int64 classes, or (rows, numbers) float64; ``columns`` says what a table's numbers are.
    """

    __test__: ClassVar[bool] = False

    x: Array
    y: Array
    columns: tuple[Column, ...] = ()

    def take(self, index: Array) -> Arrays:
        """The examples at ``index``, copied."""
        return Arrays(self.x[index], self.y[index], self.columns)

    def __len__(self) -> int:
        return len(self.y)


def split(y: Array, how: Split, *, with_test: bool) -> dict[str, Array]:
    """Sorted row indices of each split; without ``with_test`` train and val alone, scaled to the whole.

    Classes are stratified: every class has a row in every split, or DataError says why that cannot be.
    """
    rows = np.arange(len(y))
    if not with_test:
        return _two(rows, y, ("train", "val"), how.val / (how.train + how.val), how.seed)
    first = _two(rows, y, ("rest", "test"), how.test / (how.train + how.val + how.test), how.seed)
    rest = first["rest"]
    second = _two(rest, y[rest], ("train", "val"), how.val / (how.train + how.val), how.seed)
    return {**second, "test": first["test"]}


def completed(y: Array, given: Array, how: Split) -> dict[str, Array]:
    """Sorted row indices of each split where the source is split already; one that it lacks is a share of train."""
    parts = {name: np.flatnonzero(given == name) for name in SPLITS}
    for name, share in (("test", how.test), ("val", how.val)):
        if len(parts[name]) == 0:
            train = parts["train"]
            parts |= _two(train, y[train], ("train", name), share / (how.train + share), how.seed)
    return parts


def in_order(num_steps: int, how: Split, *, with_test: bool) -> dict[str, range]:
    """Positions of each split, one after the other: train, val, test; without ``with_test`` the first two."""
    names = SPLITS if with_test else SPLITS[:2]
    fractions = [getattr(how, name) for name in names]
    ends = [round(num_steps * sum(fractions[: i + 1]) / sum(fractions)) for i in range(len(names))]
    return {name: range(start, end) for name, start, end in zip(names, [0, *ends], ends, strict=False)}


def _two(rows: Array, y: Array, names: tuple[str, str], fraction: float, seed: int) -> dict[str, Array]:
    from sklearn.model_selection import train_test_split

    classes = None if np.issubdtype(y.dtype, np.floating) else y
    num_second = max(round(fraction * len(rows)), 1 if classes is None else len(np.unique(classes)))
    try:
        parts = train_test_split(rows, test_size=num_second, random_state=seed, stratify=classes)
    except ValueError as error:
        raise DataError(
            f"{len(rows)} rows are too few to split off {num_second} for {names[1]}: {error}"
        ) from error
    return {name: np.sort(part) for name, part in zip(names, parts, strict=True)}


def duplicates(parts: Mapping[str, Array]) -> dict[str, int]:
    """How many rows of val and test are exact copies of inputs in an earlier split: ``test_in_train`` and so on."""
    hashes = {
        name: [hashlib.blake2b(row.tobytes(), digest_size=16).digest() for row in x] for name, x in parts.items()
    }
    known = {name: set(rows) for name, rows in hashes.items()}
    pairs = (("val", "train"), ("test", "train"), ("test", "val"))
    return {f"{late}_in_{early}": sum(h in known[early] for h in hashes[late]) for late, early in pairs}
