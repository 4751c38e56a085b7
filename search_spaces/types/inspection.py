"""Records of the winner's inspection, which the champion's actor makes and the figures show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """Confusion matrix of the test split: numbers of examples ``counts[true][predicted]``."""

    classes: Sequence[str]
    counts: Sequence[Sequence[int]]


@dataclass(frozen=True, kw_only=True)
class ClassScores:
    """Scores of one class on the test split. A class never predicted has precision 0, as in scikit-learn."""

    name: str
    precision: float
    recall: float
    f1: float
    examples: int
    predicted: int

    @classmethod
    def of(cls, name: str, hits: int, predicted: int, examples: int) -> Self:
        """Return the scores of a class with so many ``examples``, ``predicted`` so often, rightly ``hits`` times.

        A class that is never predicted has precision 0, one without an example recall 0.
        """
        return cls(
            name=name,
            precision=hits / max(predicted, 1),
            recall=hits / max(examples, 1),
            f1=2 * hits / max(examples + predicted, 1),
            examples=examples,
            predicted=predicted,
        )


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """One of the validation examples with the largest errors of the winner."""

    row: int
    """Row number in the file, or among the examples of a source without a file; from 0."""
    truth: str
    predicted: str
    badness: float
    """Loss of the example, or the absolute error of a predicted number."""
    sure: float | None = None
    """Probability of the predicted class."""
    example: Mapping[str, str] = field(default_factory=dict)
    """Values of the example by column, for tables."""


@dataclass(frozen=True, kw_only=True)
class Importance:
    """Permutation importance of a column: the loss of validation score when its values are shuffled."""

    column: str
    mean: float
    """Mean over the shuffles, in units of the sweep's metric; positive: the column helps."""
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
    """Histogram of its values, in bins of equal width from ``low`` to ``high``."""

    @property
    def size(self) -> int:
        """Number of its elements."""
        return sum(self.counts)


@dataclass(frozen=True, kw_only=True)
class Overfitting:
    """Gap between validation and training, and its trend at the end of the training."""

    words: str
    measure: str
    """Metric that is compared: ``loss``, or another that the loop reports for both splits."""
    best_epoch: int
    epochs: int
    gap_best: float
    """Validation minus training at the best epoch; ``gap_last`` at the last epoch."""
    gap_last: float
    gap_trend: float
    """Slope of the gap per epoch over the last ``window`` epochs, by least squares; below, those of both losses."""
    train_trend: float
    val_trend: float
    window: int


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """Results of an inspection. A part is empty where the problem has none, or where it is among ``failed``."""

    metric: str
    """Name of the objective without its split prefix; importance is measured by it."""
    curves: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """Values by metric, one for each epoch."""
    overfitting: Overfitting | None = None
    confusion: Confusion | None = None
    classes: Sequence[ClassScores] = ()
    pairs: Sequence[tuple[float, float]] = ()
    """True and predicted value of test examples, for numeric targets."""
    mistakes: Sequence[Mistake] = ()
    pictures: bytes | None = None
    """Images of the mistakes in one PNG."""
    importance: Sequence[Importance] = ()
    layers: Sequence[Layer] = ()
    failed: Mapping[str, str] = field(default_factory=dict)
    """Error message of each part that failed."""
