"""Records of a classifier's inspection: its probabilities, and the decisions that are made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """How well the probability of one class ranks the test examples: those of the class before all others."""

    name: str
    examples: int
    roc_auc: float
    average_precision: float
    roc: Sequence[tuple[float, float]]
    """Points (false positive rate, true positive rate) of the ROC curve."""
    precision_recall: Sequence[tuple[float, float]]
    """Points (recall, precision)."""


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Reliability of the predicted class's probability on the test split, in bins of equal width from 0 to 1."""

    error: float
    """Expected calibration error: mean over examples of |accuracy - confidence| of their bin (Guo et al. 2017)."""
    counts: Sequence[int]
    """Examples by bin; a bin without any has the confidence and accuracy None."""
    confidence: Sequence[float | None]
    accuracy: Sequence[float | None]


@dataclass(frozen=True, kw_only=True)
class Flagged:
    """Scores of flagging every example whose probability is at least a threshold."""

    precision: float
    """0 where none is flagged, as in scikit-learn."""
    recall: float
    f1: float
    share: float
    """Share of all examples that are flagged."""


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """A threshold of the positive class's probability, on both splits."""

    value: float
    val: Flagged
    test: Flagged
    chosen: bool = False
    """Whether it has the highest F1 on the validation split."""


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """Numbers of examples by name of a group, in bins of equal width from ``low`` to ``high``."""

    low: float
    high: float
    counts: Mapping[str, Sequence[int]]
