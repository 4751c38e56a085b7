"""Records that all data share: raw examples, a table's columns, and the facts that a model is built from."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from search_spaces.spec.column_kinds import ColumnKind
from search_spaces.types.problems import Problem

if TYPE_CHECKING:
    from numpy.typing import NDArray


Array: TypeAlias = "NDArray[Any]"
"""Any NumPy array; a string, so that a spec is checked without importing NumPy."""


@dataclass(frozen=True)
class Column:
    """One column of a table. Its values are numbers, seconds since 1970 (UTC) or codes; NaN is a missing value."""

    name: str
    kind: ColumnKind = "number"
    values: tuple[str, ...] = ()
    """Words that the codes 0, 1, ... stand for; those of an ordinal are in its order."""
    missing: tuple[str, ...] = ()
    """Words that stand for a missing value."""
    date_format: str = field(default="", repr=False)
    """Format of a column of dates that are words, as in ``tables.dates``; empty for others."""
    number_form: str = field(default="", repr=False)
    """How a column of numbers with a unit has 1234.5, such as ``1234.5 kg``; empty for others."""


SPLITS = ("train", "val", "test")


class DataError(Exception):
    """Raised for data that cannot be used; the message is one plain sentence for the user."""


@dataclass(frozen=True)
class Arrays:
    """Raw examples: ``x`` (rows, *example), such as float64 tables or uint8 images, and targets ``y``.

    Each column of a table is in one piece of memory. ``y`` is (rows,) int64 classes, (rows, numbers) float64, or
    (rows, steps) int64 codes of characters or of words' labels;
    ``columns`` describes the columns of a table, ``groups`` (rows,) numbers the groups of rows that depend on each
    other, of the test split alone; None without.
    """

    __test__: ClassVar[bool] = False

    x: Array
    y: Array
    columns: tuple[Column, ...] = ()
    groups: Array | None = None
    text: str = field(default="", repr=False)
    """The whole text of which ``x`` holds windows; empty for other data."""

    def take(self, index: Array) -> Arrays:
        """Return a copy of the examples with the row numbers ``index``."""
        groups = None if self.groups is None else self.groups[index]
        by_column = self.x.ndim == 2 and self.x.flags.f_contiguous  # as tables are, and their parts shall be
        x = self.x.T.take(index, axis=1).T if by_column else self.x[index]
        return Arrays(x, self.y[index], self.columns, groups, self.text)

    def __len__(self) -> int:
        return len(self.y)


class Infeasible(ValueError):
    """Raised for hyperparameters that cannot work on this data: the trial fails and is not retried.

    The message is one plain sentence for the user.
    """


@dataclass(frozen=True)
class DataShape:
    """Facts about the data from which a model and its task are built."""

    example: tuple[int, ...]
    """Shape of one example: (features,), (channels, height, width) or (steps, channels)."""
    num_outputs: int
    """Number of classes, of numbers to predict, or of characters in the vocabulary."""
    problem: Problem = "classification"
    target_mean: float = 0.0
    target_std: float = 1.0
    """Mean and standard deviation of a numeric target in the training split: models predict standardised values."""
    channel_mean: tuple[float, ...] = ()
    channel_std: tuple[float, ...] = ()
    """Mean and standard deviation of each image channel, with pixels in 0 to 1, over the training split.

    For a model that standardises images itself; else empty.
    """
    class_counts: tuple[int, ...] = ()
    """Number of training rows of each class, of labelled words the number of words; empty for other problems."""
    vocabulary: str = ""
    """Characters with the codes 1, 2, ... in a text; code 0 is any other character."""
    season: int = 1
    """Season of a series in steps: its naive forecast repeats the value of one season ago."""
    num_tokens: int = 0
    """Number of codes of a text's tokens, for texts that are classified or scored; 0 for other data."""
    labels: tuple[str, ...] = ()
    """Labels of words in the order of the outputs; empty for other data."""
    words_a_sentence: float = 0.0
    """Mean number of labelled words of a training sentence; 0 for other data."""
    targets_each: float = 1.0
    """Mean number of tokens of a training example that a causal model is trained to predict."""
    categories: tuple[int, ...] = ()
    """Number of values of each category with a learned embedding; their codes are a table's first features."""

    @property
    def num_inputs(self) -> int:
        """Number of numbers in one example: a table's features, an image's pixels times channels."""
        return math.prod(self.example)

    @property
    def num_channels(self) -> int:
        """Number of an image's channels, or of a series' values at each step; 1 for a table and a text."""
        return self.example[0] if len(self.example) == 3 else self.example[-1] if len(self.example) == 2 else 1

    @property
    def num_steps(self) -> int:
        """Number of steps of a window of a series or a text; of a table its features, of an image its rows."""
        return self.example[1] if len(self.example) == 3 else self.example[0]

    def unscaled(self) -> DataShape:
        """Return the shape for models that predict numbers in the target's own units."""
        return replace(self, target_mean=0.0, target_std=1.0)
