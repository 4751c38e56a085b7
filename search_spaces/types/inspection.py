"""Records of the winner's inspection, which the champion's actor makes and the figures show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from search_spaces.types.inspected.classes import Calibration, Histogram, Ranking, Threshold
from search_spaces.types.inspected.examples import Continuation, Coverage, Dependence, Picture
from search_spaces.types.inspected.numbers import Errors, Forecasts, Score


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """Confusion matrix of the test split: numbers of examples ``counts[true][predicted]``."""

    classes: Sequence[str]
    counts: Sequence[Sequence[int]]
    unread: int = 0
    """Labelled words of the test split that the model does not read: they are in no row."""

    def confused(self, most: int) -> list[tuple[str, str, int, int]]:
        """Return the ``most`` frequent confusions: true and predicted class, how often, examples of the class."""
        of_class = [sum(row) for row in self.counts]
        found = [
            (self.classes[i], self.classes[j], count, of_class[i])
            for i, row in enumerate(self.counts)
            for j, count in enumerate(row)
            if i != j and count
        ]
        return sorted(found, key=lambda one: -one[2])[:most]


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
    loss: float
    """Loss of the example; of a predicted number its absolute error."""
    confidence: float | None = None
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

    __pydantic_config__: ClassVar[Any] = {"val_json_bytes": "base64"}

    metric: str
    """Name of the objective without its split prefix; importance is measured by it."""
    problem: str = ""
    name: str = ""
    """The training that is inspected, such as ``t015 seed 1``."""
    curves: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """Values by metric, one for each epoch."""
    best_epoch: int = 0
    """Epoch, from 1, whose weights are kept: the best by the objective. 0: not known."""
    seeds: Mapping[str, Mapping[str, Sequence[float]]] = field(default_factory=dict)
    """Curves of the champion's other trainings, by seed."""
    overfitting: Overfitting | None = None
    scores: Sequence[Score] = ()
    """Metrics of the test split over all seeds of the champion."""
    confusion: Confusion | None = None
    classes: Sequence[ClassScores] = ()
    ranking: Sequence[Ranking] = ()
    """Of two classes that of the second one, the positive class."""
    calibration: Calibration | None = None
    probabilities: Histogram | None = None
    """Of two classes the positive one's probability by true class; of several that of the predicted class."""
    thresholds: Sequence[Threshold] = ()
    """Thresholds of the positive class, in rising order; for two classes alone."""
    pairs: Sequence[tuple[float, float]] = ()
    """True and predicted value of test examples, for numeric targets."""
    errors: Errors | None = None
    forecasts: Forecasts | None = None
    continuations: Sequence[Continuation] = ()
    coverage: Sequence[Coverage] = ()
    mistakes: Sequence[Mistake] = ()
    pictures: bytes | None = None
    """Images of the mistakes in one PNG."""
    images: Mapping[str, Sequence[Picture]] = field(default_factory=dict)
    """Images one by one: of the ``mistakes`` and ``successes``, or ``real`` beside ``made`` ones."""
    no_saliency: str = ""
    """Why the images have no saliency maps; empty where they have, or where there are no images."""
    epochs: Mapping[str, bytes] = field(default_factory=dict)
    """PNG files of samples by epoch, of a generator."""
    importance: Sequence[Importance] = ()
    dependence: Sequence[Dependence] = ()
    """Of the most important columns."""
    layers: Sequence[Layer] = ()
    failed: Mapping[str, str] = field(default_factory=dict)
    """Error message of each part that failed."""
