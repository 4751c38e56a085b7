"""Describes a sweep's data in words and numbers, for people and for MLflow."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from search_spaces.types.problems import DataKind, Problem
from workloads.arrays import SPLITS, Arrays
from workloads.data.raw import NOT_COUNTED
from workloads.data.sources.image_records import example_shape

if TYPE_CHECKING:
    from search_spaces.spec.data import Data


ROWS_AT_ONCE = 10_000
"""Rows of the digest that are brought into its order, row by row, at once."""


@dataclass(frozen=True)
class DataCard:
    """Description of a sweep's data, written to MLflow as an artifact."""

    name: str
    kind: DataKind
    problem: Problem
    shape: tuple[int, ...]
    """Shape of one example: (features,), (channels, height, width), or of windows (steps, channels) or (steps,)."""
    rows: Mapping[str, int]
    """Number of rows by split."""
    class_counts: Mapping[str, tuple[int, ...]]
    """Rows of each class by split; empty where nothing is classified."""
    duplicates: Mapping[str, int]
    """Number of rows that are exact copies of a row of an earlier split, as ``test_in_train``."""
    digest: str
    """SHA-256 of the inputs, targets and columns of all splits."""
    classes: tuple[str, ...] = ()
    """Names of the classes; empty where nothing is classified."""
    features: tuple[str, ...] = ()
    """Names of a table's columns."""
    details: Mapping[str, int | str] = field(default_factory=dict)
    """Further facts about a source, by name."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Kinds of a table's columns, by name."""
    missing: Mapping[str, int] = field(default_factory=dict)
    """Number of missing values by column, over all splits, of columns of any kind that have some."""
    notes: tuple[str, ...] = ()
    """Sentences on unexpected changes to the data, and on what is odd about it."""
    leaks: tuple[str, ...] = ()
    """Sentences on leaks: what may make results look better than they are."""
    test_digest: str = ""
    """SHA-256 of the test split alone, by which scores of two sweeps are known to be of the same rows."""

    def to_dict(self) -> dict[str, Any]:
        """Return the card as a dict that JSON can hold."""
        return asdict(self)


def _digest(parts: Mapping[str, Arrays], names: Sequence[str] = SPLITS) -> str:
    digest = hashlib.sha256()
    for name in names:
        for array in (parts[name].x, parts[name].y):
            for start in range(0, len(array), ROWS_AT_ONCE):
                digest.update(np.ascontiguousarray(array[start : start + ROWS_AT_ONCE]).data)
        digest.update(repr(parts[name].columns).encode() if parts[name].columns else b"")
    return digest.hexdigest()


def data_card(data: Data, parts: Mapping[str, Arrays], facts: Mapping[str, Any]) -> DataCard:
    """Return the card: counts of the splits ``parts``, and the ``facts`` (its other fields) about the source."""
    return DataCard(
        name=data.origin,
        shape=example_shape(parts["train"].x),
        rows={name: len(parts[name]) for name in SPLITS},
        class_counts=class_counts(parts, len(facts.get("classes", ()))),
        digest=_digest(parts),
        test_digest=_digest(parts, ["test"]),
        **facts,
    )


def class_counts(parts: Mapping[str, Arrays], num_classes: int) -> dict[str, tuple[int, ...]]:
    """Return the rows (of labelled words, the words) of each class by split; empty without classes."""
    if num_classes == 0:
        return {}
    of = {name: parts[name].y[parts[name].y != NOT_COUNTED] for name in SPLITS}
    return {name: tuple(np.bincount(of[name], minlength=num_classes).tolist()) for name in SPLITS}
