"""What an inspection of the winner found: plain records, from the worker that looks to the figures that show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """How often each class was taken for which; ``counts[true][predicted]`` of the test split."""

    classes: Sequence[str]
    counts: Sequence[Sequence[int]]


@dataclass(frozen=True, kw_only=True)
class ClassScores:
    """One class of the test split; a class that is never predicted has precision 0, as in scikit-learn."""

    name: str
    precision: float
    recall: float
    f1: float
    examples: int
    predicted: int


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """A validation example that the winner is most wrong about."""

    row: int
    """In the file, or among the examples of a source without one, from 0."""
    truth: str
    predicted: str
    badness: float
    """Its loss, or the absolute error of a number."""
    sure: float | None = None
    """The probability of what was predicted."""
    example: Mapping[str, str] = field(default_factory=dict)
    """A table's values by column."""


@dataclass(frozen=True, kw_only=True)
class Importance:
    """How much worse the winner is on the validation split when a column's values are shuffled among the rows."""

    column: str
    mean: float
    """In the units of the sweep's metric; positive: the column helps."""
    std: float


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One parameter tensor of the winner."""

    name: str
    shape: Sequence[int]
    trainable: bool
    norm: float
    mean: float
    std: float
    low: float
    high: float
    counts: Sequence[int]
    """A histogram of its values in equal steps from ``low`` to ``high``."""

    @property
    def size(self) -> int:
        """Numbers in it."""
        return sum(self.counts)


@dataclass(frozen=True, kw_only=True)
class Overfitting:
    """The gap between validation and training, and where it was going when training ended."""

    words: str
    measure: str
    """What is compared: ``loss``, or what the loop reports of both splits."""
    best_epoch: int
    epochs: int
    gap_best: float
    """Validation minus training at the best epoch; at the last one below."""
    gap_last: float
    gap_trend: float
    """Its change an epoch over the last ``window`` epochs, by least squares, as of the two losses below."""
    train_trend: float
    val_trend: float
    window: int


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """All that was found. A part is empty where it means nothing for the problem, or ``failed`` tells why."""

    metric: str
    """The objective without its split: what importance is measured by."""
    curves: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """By metric, one value an epoch."""
    overfitting: Overfitting | None = None
    confusion: Confusion | None = None
    classes: Sequence[ClassScores] = ()
    pairs: Sequence[tuple[float, float]] = ()
    """Of a target of numbers: truth and prediction, test examples."""
    mistakes: Sequence[Mistake] = ()
    pictures: bytes | None = None
    """The mistakes' images as one PNG."""
    importance: Sequence[Importance] = ()
    layers: Sequence[Layer] = ()
    failed: Mapping[str, str] = field(default_factory=dict)
    """By part, what was raised."""
