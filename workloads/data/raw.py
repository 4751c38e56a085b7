"""What a source of data gives, before it is split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from search_spaces.types.problems import DataKind, Problem
from workloads.arrays import Array, Arrays, Column
from workloads.data.statistics import Statistics

if TYPE_CHECKING:
    from workloads.data.streaming.files import Files
    from workloads.data.streaming.stream import Shares, StreamTarget

NOT_COUNTED = -1
"""A target that another window predicts with more context: it is left out of what is measured."""


@dataclass(frozen=True)
class Raw:
    """What a source holds: inputs, and the target column as it was written."""

    kind: DataKind
    x: Array
    target: Any
    """One value per row, a pandas Series."""
    columns: tuple[Column, ...] = ()
    """What the numbers of a table are."""
    notes: tuple[str, ...] = ()
    """What the user should be told of."""
    groups: Array | None = None
    """Which rows must stay together: (rows,) equal numbers, where the spec names a column for that."""
    splits: Array | None = None
    """Where the source is split already: ``train``, ``val`` or ``test`` of each row."""
    details: Mapping[str, int | str] = field(default_factory=dict)
    """What else people should know."""
    rest: Rest | None = None
    """Of a source that is streamed: what is not among the rows."""


@dataclass(frozen=True, kw_only=True)
class Rest:
    """What is known of a streamed source beside the rows that were kept of it."""

    files: Files
    shares: Shares
    target: StreamTarget
    labels: Any
    """Every value of the target, a Series; of measurements some."""
    counts: Mapping[str, int]
    """Training rows of each."""
    num_rows: Mapping[str, int]
    """Of each split."""
    checksum: str
    """Of all rows, whatever their order."""
    missing: Mapping[str, int]
    """Missing values by column."""
    rows: Array
    """Where each row that was kept stands in the source."""


@dataclass(frozen=True, kw_only=True)
class Ordered:
    """What a source holds whose examples are windows of one line: split by position already, never shuffled."""

    kind: DataKind
    problem: Problem
    parts: Mapping[str, Arrays]
    """``train``, ``val`` and ``test``."""
    indices: Mapping[str, Array]
    """Where in the line each window's first target stands."""
    statistics: Statistics
    num_outputs: int
    columns: tuple[str, ...] = ()
    vocabulary: str = ""
    """Of a text: the characters of the codes from 1; 0 is any other."""
    season: int = 1
    """Of a series: steps."""
    notes: tuple[str, ...] = ()
    """What users should be told before a search begins."""
    details: Mapping[str, int | str] = field(default_factory=dict)
    """What else people should know."""
