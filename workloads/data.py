"""From a spec's ``data`` to arrays: read and split once per sweep, prepared by the training split alone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from workloads.features import Array, Statistics, fit
from workloads.sources import Raw, classes_of, read
from workloads.splits import SPLITS, Arrays, DataError, duplicates, split

if TYPE_CHECKING:
    from search_spaces.data import Data

__all__ = ["Arrays", "DataCard", "DataError", "Prepared", "SearchData", "TestData", "prepare"]

MIN_ROWS_A_CLASS = 3

TestData = Arrays
"""The locked test split, raw. No leg of a search is ever given it."""


@dataclass(frozen=True)
class SearchData:
    """All that a search may see: NumPy arrays alone, so that they travel through shared memory."""

    train: Arrays
    val: Arrays
    statistics: Statistics
    num_classes: int


@dataclass(frozen=True)
class DataCard:
    """What the data is, for people and for MLflow."""

    name: str
    kind: Literal["table", "image"]
    shape: tuple[int, ...]
    """Of one example: (features,) or (channels, height, width)."""
    classes: tuple[str, ...]
    features: tuple[str, ...]
    """Column names of a table."""
    rows: Mapping[str, int]
    class_counts: Mapping[str, tuple[int, ...]]
    duplicates: Mapping[str, int]
    """Exact copies across splits: ``test_in_train`` and so on."""
    digest: str
    """sha256 of all inputs and labels."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)


@dataclass(frozen=True)
class Prepared:
    """A sweep's data: the search's part, the locked part, and which row went where."""

    search: SearchData
    test: Arrays
    card: DataCard
    indices: Mapping[str, Array]


def prepare(data: Data) -> Prepared:
    """Read and split. Raises DataError with one sentence for what a user can mend."""
    raw = read(data, None)
    target_name = data.target or "target"
    classes = classes_of(raw.target, target_name)
    whole = Arrays(raw.x, _encode(raw.target, classes, target_name))
    _check_counts(whole.y, classes)
    indices = split(whole.y, data.split, with_test=data.test is None)
    parts = {name: whole.take(index) for name, index in indices.items()}
    if data.test is not None:
        parts["test"] = _own_test(data, raw, classes)
        indices["test"] = np.arange(len(parts["test"]))
    card = _card(data, raw, classes, parts)
    search = SearchData(parts["train"], parts["val"], fit(parts["train"].x), len(classes))
    return Prepared(search, parts["test"], card, indices)


def _encode(target: Any, classes: tuple[Any, ...], name: str) -> Array:
    number = {label: i for i, label in enumerate(classes)}
    unknown = sorted({str(value) for value in target if value not in number})
    if unknown:
        raise DataError(f"the test file's column {name!r} holds classes that are not in the other: {unknown[:5]}")
    return np.array([number[value] for value in target], dtype=np.int64)


def _check_counts(y: Array, classes: tuple[Any, ...]) -> None:
    counts = np.bincount(y, minlength=len(classes))
    rare = [str(label) for label, count in zip(classes, counts, strict=True) if count < MIN_ROWS_A_CLASS]
    if rare:
        shown = ", ".join(rare[:10]) + (", ..." if len(rare) > 10 else "")
        raise DataError(f"each class needs {MIN_ROWS_A_CLASS} rows, one for each split; too rare: {shown}")


def _own_test(data: Data, raw: Raw, classes: tuple[Any, ...]) -> Arrays:
    own = read(data, data.test)
    if own.columns != raw.columns or own.x.shape[1:] != raw.x.shape[1:]:
        raise DataError(f"the test file {data.test} has other columns or image sizes than the training file")
    return Arrays(own.x, _encode(own.target, classes, data.target or "target"))


def _card(data: Data, raw: Raw, classes: tuple[Any, ...], parts: Mapping[str, Arrays]) -> DataCard:
    digest = hashlib.sha256()
    for name in SPLITS:
        digest.update(parts[name].x.tobytes())
        digest.update(parts[name].y.tobytes())
    return DataCard(
        name=data.name or data.csv or data.parquet or "",
        kind=raw.kind,
        shape=tuple(raw.x.shape[1:]),
        classes=tuple(map(str, classes)),
        features=raw.columns,
        rows={name: len(parts[name]) for name in SPLITS},
        class_counts={n: tuple(np.bincount(parts[n].y, minlength=len(classes)).tolist()) for n in SPLITS},
        duplicates=duplicates({name: parts[name].x for name in SPLITS}),
        digest=digest.hexdigest(),
    )
