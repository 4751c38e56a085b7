"""What a source of data gives, before it is split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from search_spaces.problems import DataKind
from workloads.features import Array


@dataclass(frozen=True)
class Raw:
    """What a source holds: inputs, and the target column as it was written."""

    kind: DataKind
    x: Array
    target: Any
    """One value per row, a pandas Series."""
    columns: tuple[str, ...] = ()
    """The features' names, for tables."""
    splits: Array | None = None
    """Where the source is split already: ``train``, ``val`` or ``test`` of each row."""
    details: Mapping[str, int | str] = field(default_factory=dict)
    """What else people should know."""
