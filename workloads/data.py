"""From a spec's ``data`` to arrays: read and split once per sweep, prepared by the training split alone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from search_spaces.problems import DataKind, Problem
from workloads.columns import missing_counts, seen_first
from workloads.features import Array, Statistics, fit
from workloads.image_records import contents, example_shape
from workloads.raw import Ordered, Raw
from workloads.registry import DataShape
from workloads.sources import read, read_ordered
from workloads.splits import SPLITS, Arrays, DataError, completed, duplicates, split
from workloads.targets import classes_of, holds_measurements, numbers_of, without_dots

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
    """Of the raw numbers; a table with described columns has a pipeline of its own."""
    num_outputs: int
    """Classes, numbers to predict, or characters of the vocabulary."""
    problem: Problem = "classification"
    vocabulary: str = ""
    """Of a text: the characters of the codes from 1; 0 is any other."""
    season: int = 1
    """Of a series, in steps."""
    classes: tuple[str, ...] = ()
    """Their names, in the order of the outputs; empty where the target is a number."""

    def shape(self) -> DataShape:
        """What a model must know, of the raw examples. A series' values and targets are on one scale."""
        example, y = example_shape(self.train.x), self.train.y
        if self.problem == "classification":
            counts = tuple(np.bincount(y, minlength=self.num_outputs).tolist())
            return DataShape(example, self.num_outputs, self.problem, class_counts=counts)
        if self.problem == "forecast":
            scale = float(self.statistics.mean[0]), float(self.statistics.std[0])
            return DataShape(example, self.num_outputs, self.problem, *scale, season=self.season)
        if self.problem == "language":
            return DataShape(example, self.num_outputs, self.problem, vocabulary=self.vocabulary)
        if not np.issubdtype(y.dtype, np.floating):
            return DataShape(example, self.num_outputs, self.problem)
        return DataShape(example, self.num_outputs, self.problem, float(y.mean()), float(y.std()) or 1.0)


@dataclass(frozen=True)
class DataCard:
    """What the data is, for people and for MLflow."""

    name: str
    kind: DataKind
    problem: Problem
    shape: tuple[int, ...]
    """Of one example: (features,) or (channels, height, width)."""
    classes: tuple[str, ...]
    """Empty where the target is a number."""
    features: tuple[str, ...]
    """Column names of a table."""
    rows: Mapping[str, int]
    class_counts: Mapping[str, tuple[int, ...]]
    duplicates: Mapping[str, int]
    """Exact copies across splits: ``test_in_train`` and so on."""
    digest: str
    """sha256 of all inputs and labels."""
    details: Mapping[str, int | str] = field(default_factory=dict)
    """What else people should know of a source."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """The kinds of a table's columns."""
    missing: Mapping[str, int] = field(default_factory=dict)
    """Missing values of the columns that are prepared as numbers and have any."""
    notes: tuple[str, ...] = ()
    """What was done to the data that its owner may not expect."""

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


def prepare(data: Data, problem: Problem | None = None) -> Prepared:
    """Read and split. Raises DataError with one sentence for what a user can mend.

    Where ``problem`` is None the target tells: measurements make it a regression, else it is a classification.
    """
    if data.text is not None or data.series is not None:
        return _in_order(data, read_ordered(data))
    raw = read(data, None)
    target = _target(data, raw, problem)
    y = target.encode(raw.target)
    if target.classes:
        _check_counts(y, target.classes)
    indices = _indices(data, raw, y)
    searched = np.concatenate([indices["train"], indices["val"]])
    x, columns, all_columns = seen_first(raw.x, raw.columns, searched)
    raw = replace(raw, x=x, columns=columns)
    parts = {name: Arrays(x, y, columns).take(index) for name, index in indices.items()}
    if data.test is None:
        parts["test"] = replace(parts["test"], columns=all_columns)
    else:
        raw, parts["test"] = _own_test(data, raw, target)
        indices["test"] = np.arange(len(parts["test"]))
    num_outputs = len(target.classes) or parts["train"].y.shape[1]
    statistics, names = fit(parts["train"].x), tuple(map(str, target.classes))
    search = SearchData(parts["train"], parts["val"], statistics, num_outputs, target.problem, classes=names)
    return Prepared(search, parts["test"], _card(data, raw, target, parts), indices)


def _indices(data: Data, raw: Raw, y: Array) -> dict[str, Array]:
    if raw.splits is None:
        return split(y, data.split, with_test=data.test is None)
    if data.test is not None:
        raise DataError(f"data.test: has no effect, as {data.folder} holds splits of its own: {data.test}")
    return completed(y, raw.splits, data.split)


@dataclass(frozen=True)
class _Target:
    """What is predicted: one of ``classes``, or a number where there are none."""

    problem: Problem
    classes: tuple[Any, ...]
    name: str

    def encode(self, values: Any) -> Array:
        """(rows,) int64 classes, or (rows, 1) float64 numbers."""
        if not self.classes:
            return numbers_of(values, self.name)
        number = {label: i for i, label in enumerate(self.classes)}
        unknown = sorted({str(value) for value in values if value not in number})
        if unknown:
            raise DataError(
                f"the test file's column {self.name!r} holds classes that are not in the other: {unknown[:5]}"
            )
        return np.array([number[value] for value in values], dtype=np.int64)


def _target(data: Data, raw: Raw, problem: Problem | None) -> _Target:
    name = data.target or "target"
    if problem is None:
        problem = "regression" if holds_measurements(raw.target) else "classification"
    return _Target(problem, () if problem == "regression" else classes_of(raw.target, name), name)


def _check_counts(y: Array, classes: tuple[Any, ...]) -> None:
    counts = np.bincount(y, minlength=len(classes))
    rare = [str(label) for label, count in zip(classes, counts, strict=True) if count < MIN_ROWS_A_CLASS]
    if rare:
        shown = ", ".join(rare[:10]) + (", ..." if len(rare) > 10 else "")
        raise DataError(f"each class needs {MIN_ROWS_A_CLASS} rows, one for each split; too rare: {shown}")


def _own_test(data: Data, raw: Raw, target: _Target) -> tuple[Raw, Arrays]:
    """The test split from a file of its own; ``raw`` with the notes of what was done for it."""
    own = read(data, data.test, raw)
    if example_shape(own.x) != example_shape(raw.x):
        raise DataError(f"the test file {data.test} has other image sizes than the training file")
    values, notes = without_dots(own.target, target.classes)
    raw = replace(raw, notes=(*raw.notes, *(f"{Path(str(data.test)).name}: {note}" for note in notes)))
    return raw, Arrays(own.x, target.encode(values), own.columns)


def _in_order(data: Data, found: Ordered) -> Prepared:
    parts, indices = found.parts, found.indices
    train, val = parts["train"], parts["val"]
    facts = (found.statistics, found.num_outputs, found.problem, found.vocabulary, found.season)
    card = DataCard(
        name=data.origin,
        kind=found.kind,
        problem=found.problem,
        shape=tuple(train.x.shape[1:]),
        classes=(),
        features=found.columns,
        rows={name: len(parts[name]) for name in SPLITS},
        class_counts={},
        duplicates=duplicates({name: parts[name].x for name in SPLITS}),
        digest=_digest(parts),
        notes=found.notes,
        details=found.details,
    )
    return Prepared(SearchData(train, val, *facts), parts["test"], card, indices)


def _digest(parts: Mapping[str, Arrays]) -> str:
    digest = hashlib.sha256()
    for name in SPLITS:
        digest.update(parts[name].x.tobytes())
        digest.update(parts[name].y.tobytes())
        digest.update(repr(parts[name].columns).encode() if parts[name].columns else b"")
    return digest.hexdigest()


def _card(data: Data, raw: Raw, target: _Target, parts: Mapping[str, Arrays]) -> DataCard:
    return DataCard(
        name=data.origin,
        kind=raw.kind,
        problem=target.problem,
        shape=example_shape(raw.x),
        classes=tuple(map(str, target.classes)),
        features=tuple(column.name for column in raw.columns),
        rows={name: len(parts[name]) for name in SPLITS},
        class_counts=_class_counts(parts, len(target.classes)),
        duplicates=duplicates({name: contents(parts[name].x) for name in SPLITS}),
        digest=_digest(parts),
        details=raw.details,
        columns={column.name: column.kind for column in raw.columns},
        missing=missing_counts((part.x for part in parts.values()), raw.columns),
        notes=raw.notes,
    )


def _class_counts(parts: Mapping[str, Arrays], num_classes: int) -> dict[str, tuple[int, ...]]:
    if num_classes == 0:
        return {}
    return {name: tuple(np.bincount(parts[name].y, minlength=num_classes).tolist()) for name in SPLITS}
