"""Arrays, columns and splits: the words that all data share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from search_spaces.spec.column_kinds import ColumnKind
from search_spaces.types.problems import Problem

if TYPE_CHECKING:
    from numpy.typing import NDArray


Array: TypeAlias = "NDArray[Any]"
"""Any NumPy array. A text, since a sweep file is checked without NumPy."""


@dataclass(frozen=True)
class Column:
    """One column of a table, in the matrix as its numbers, seconds since 1970 (UTC), or codes; NaN is missing."""

    name: str
    kind: ColumnKind = "number"
    values: tuple[str, ...] = ()
    """What the codes 0, 1, ... stand for: an ordinal's in its order, else as they were met."""
    missing: tuple[str, ...] = ()
    """Words that stand for a missing value."""


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


class Infeasible(ValueError):
    """Hyperparameters that cannot work on this data, in one plain sentence: the trial fails, and is not retried."""


@dataclass(frozen=True)
class DataShape:
    """What a model and its task must know of the data."""

    example: tuple[int, ...]
    """One example's shape: (features,), (channels, height, width) or (steps, channels)."""
    num_outputs: int
    """Classes, numbers to predict, or characters of the vocabulary."""
    problem: Problem = "classification"
    target_mean: float = 0.0
    target_std: float = 1.0
    """Of a target of numbers, over the training split: models predict standardised values."""
    channel_mean: tuple[float, ...] = ()
    channel_std: tuple[float, ...] = ()
    """Of images in 0 to 1, over the training split, for a model that standardises them itself."""
    class_counts: tuple[int, ...] = ()
    """Training rows of each class; empty where nothing is classified."""
    vocabulary: str = ""
    """Of a text: the characters of the codes from 1; 0 is any other."""
    season: int = 1
    """Of a series, in steps: its naive forecast looks so far back."""
    categories: tuple[int, ...] = ()
    """Of a table with learned embeddings: the first features are codes of this many values each."""
