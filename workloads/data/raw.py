"""Records that the readers return: a source's examples before they are split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from search_spaces.types.problems import DataKind, Problem
from workloads.arrays import Array, Arrays, Column
from workloads.data.sources.image_pixels import EIGHT_BITS, Depth
from workloads.data.statistics import Statistics
from workloads.tables.number_words import Styles

if TYPE_CHECKING:
    from workloads.data.streaming.files import Files
    from workloads.data.streaming.stream import Shares, StreamTarget

NOT_COUNTED = -1
"""A target that loss and metrics ignore: another window predicts it with more context, or there is no such word."""


@dataclass(frozen=True)
class Raw:
    """A source's examples: inputs, and the target column as it is written."""

    kind: DataKind
    x: Array
    target: Any
    """A pandas Series with one value per row."""
    columns: tuple[Column, ...] = ()
    """Descriptions of a table's columns."""
    notes: tuple[str, ...] = ()
    """Sentences that the user should read before a search begins."""
    groups: Array | None = None
    """Group of each row (rows,), as a number: rows of one group stay in one split. None without groups."""
    group_names: tuple[str, ...] = ()
    """Words that the numbers of groups stand for; empty for a streamed source, whose numbers are hashes."""
    splits: Array | None = None
    """Split of each row (rows,), ``train``, ``val`` or ``test``, of a source that is split already; else None."""
    details: Mapping[str, int | str] = field(default_factory=dict)
    """Further facts for the data card, by name."""
    depth: Depth = EIGHT_BITS
    """Depth of images, by which those of a further file are read."""
    styles: Styles = field(default_factory=dict)
    """How a table's numbers are written, by which those of a further file are read."""
    rest: Rest | None = None
    """Facts about the rows of a streamed source that are not kept; None for other sources."""


@dataclass(frozen=True, kw_only=True)
class Rest:
    """Facts about a streamed source beside the rows that are kept of it."""

    files: Files
    shares: Shares
    target: StreamTarget
    labels: Any
    """Distinct values of the target, a pandas Series; of measurements only some."""
    counts: Mapping[str, int]
    """Training rows by value of the target."""
    num_rows: Mapping[str, int]
    """Rows by split."""
    checksum: str
    """Checksum of all rows that does not depend on their order, in hexadecimal."""
    missing: Mapping[str, int]
    """Missing values by column."""
    rows: Array
    """Position in the source of each row that is kept."""
    groups: Mapping[str, Array]
    """Distinct groups by split, where a split has a file of its own."""
    depth: Depth = EIGHT_BITS
    """Depth of images, with the range of those that are kept."""


@dataclass(frozen=True, kw_only=True)
class Ordered:
    """A text's or a series' examples: windows of one sequence, split by position already, never shuffled."""

    kind: DataKind
    problem: Problem
    parts: Mapping[str, Arrays]
    """The windows of ``train``, ``val`` and ``test``."""
    indices: Mapping[str, Array]
    """Position of each window by split: of a text that of its first input, of a series that of its first target."""
    statistics: Statistics
    num_outputs: int
    columns: tuple[str, ...] = ()
    vocabulary: str = ""
    """Characters of a text, with codes from 1; code 0 is any other character."""
    season: int = 1
    """Season of a series in steps."""
    num_series: int = 1
    """Number of series, whose windows are in the order of time."""
    notes: tuple[str, ...] = ()
    """Sentences that the user should read before a search begins."""
    details: Mapping[str, int | str] = field(default_factory=dict)
    """Further facts for the data card, by name."""
