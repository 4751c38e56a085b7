"""What a sweep's data is, in words and numbers, for people and for MLflow."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from search_spaces.types.problems import DataKind, Problem
from workloads.arrays import SPLITS, Arrays
from workloads.data.sources.image_records import example_shape

if TYPE_CHECKING:
    from search_spaces.spec.data import Data


@dataclass(frozen=True)
class DataCard:
    """What the data is, for people and for MLflow."""

    name: str
    kind: DataKind
    problem: Problem
    shape: tuple[int, ...]
    """Of one example: (features,) or (channels, height, width)."""
    rows: Mapping[str, int]
    class_counts: Mapping[str, tuple[int, ...]]
    duplicates: Mapping[str, int]
    """Exact copies across splits: ``test_in_train`` and so on."""
    digest: str
    """sha256 of all inputs and labels."""
    classes: tuple[str, ...] = ()
    """Empty where the target is a number."""
    features: tuple[str, ...] = ()
    """Column names of a table."""
    details: Mapping[str, int | str] = field(default_factory=dict)
    """What else people should know of a source."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """The kinds of a table's columns."""
    missing: Mapping[str, int] = field(default_factory=dict)
    """Missing values of the columns that are prepared as numbers and have any."""
    notes: tuple[str, ...] = ()
    """What was done to the data that its owner may not expect, and what is odd about it."""
    leaks: tuple[str, ...] = ()
    """What may make results look better than they are."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)


def _digest(parts: Mapping[str, Arrays]) -> str:
    digest = hashlib.sha256()
    for name in SPLITS:
        digest.update(parts[name].x.tobytes())
        digest.update(parts[name].y.tobytes())
        digest.update(repr(parts[name].columns).encode() if parts[name].columns else b"")
    return digest.hexdigest()


def data_card(data: Data, parts: Mapping[str, Arrays], facts: Mapping[str, Any]) -> DataCard:
    """What is counted of the parts, with the ``facts`` that only the source knows."""
    return DataCard(
        name=data.origin,
        shape=example_shape(parts["train"].x),
        rows={name: len(parts[name]) for name in SPLITS},
        class_counts=_class_counts(parts, len(facts.get("classes", ()))),
        digest=_digest(parts),
        **facts,
    )


def _class_counts(parts: Mapping[str, Arrays], num_classes: int) -> dict[str, tuple[int, ...]]:
    if num_classes == 0:
        return {}
    return {name: tuple(np.bincount(parts[name].y, minlength=num_classes).tolist()) for name in SPLITS}
