"""A classifier on the test split: its confusions, how well its probabilities rank, and whether they are true."""

from __future__ import annotations

from typing import Any

import numpy as np

from search_spaces.types.inspected.classes import Calibration, Histogram, Ranking
from search_spaces.types.inspection import ClassScores, Confusion
from workloads.arrays import Array
from workloads.champion.looks.seen import Seen

MAX_RANKED = 20
"""Largest number of classes, those with the most examples, whose curves are computed."""
MAX_POINTS = 100
"""Points of a curve."""
NUM_BINS = 15
"""Bins of the calibration, of equal width, as in Guo et al. (2017)."""
BARS = 20
"""Bins of the histogram of probabilities."""


def confusion(seen: Seen) -> dict[str, Any]:
    """Return the confusion matrix of the test split, and each class's precision, recall and F1."""
    names, y = seen.winner.classes, seen.test.y
    counts = np.zeros((len(names), len(names)), dtype=np.int64)
    np.add.at(counts, (y, seen.of_test["logits"].argmax(1)), 1)
    found = np.stack([np.diag(counts), counts.sum(0), counts.sum(1)])
    scores = [ClassScores.of(name, *count) for name, count in zip(names, found.T.tolist(), strict=True)]
    return {"confusion": Confusion(classes=names, counts=counts.tolist()), "classes": scores}


def ranking(seen: Seen) -> dict[str, Any]:
    """Return ROC and precision-recall curves of each class against all others; of two classes of the second one.

    Classes without examples among the test rows, or with no others beside them, are left out.
    """
    names, y = seen.winner.classes, seen.test.y
    of_class = np.bincount(y, minlength=len(names))
    classes = [1] if len(names) == 2 else sorted(np.argsort(-of_class, kind="stable")[:MAX_RANKED].tolist())
    found = [_ranked(names[k], y == k, seen.test_shares[:, k]) for k in classes if 0 < of_class[k] < len(y)]
    return {"ranking": found}


def _ranked(name: str, truth: Array, scores: Array) -> Ranking:
    from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

    false, true, _ = roc_curve(truth, scores)
    precision, recall, _ = precision_recall_curve(truth, scores)
    return Ranking(
        name=name,
        examples=int(truth.sum()),
        roc_auc=float(roc_auc_score(truth, scores)),
        average_precision=float(average_precision_score(truth, scores)),
        roc=_thinned(false, true),
        precision_recall=_thinned(recall[::-1], precision[::-1]),
    )


def _thinned(x: Array, y: Array) -> list[tuple[float, float]]:
    places = np.unique(np.linspace(0, len(x) - 1, min(len(x), MAX_POINTS)).round().astype(int))
    return [(float(x[k]), float(y[k])) for k in places]


def calibration(seen: Seen) -> dict[str, Any]:
    """Return the reliability of the predicted class's probability (Guo et al. 2017, ICML, arXiv:1706.04599)."""
    confidence, hits = seen.test_shares.max(1), seen.test_shares.argmax(1) == seen.test.y
    bins = np.clip(np.ceil(confidence * NUM_BINS).astype(int) - 1, 0, NUM_BINS - 1)  # (low, high], as they have it
    counts = np.bincount(bins, minlength=NUM_BINS)
    sums = np.bincount(bins, confidence, NUM_BINS), np.bincount(bins, hits, NUM_BINS)
    gaps = np.abs(sums[0] - sums[1]).sum() / max(1, len(hits))
    means = ([float(s / n) if n else None for s, n in zip(of, counts, strict=True)] for of in sums)
    mean_confidence, accuracy = means
    found = Calibration(error=float(gaps), counts=counts.tolist(), confidence=mean_confidence, accuracy=accuracy)
    return {"calibration": found}


def probabilities(seen: Seen) -> dict[str, Any]:
    """Return the histogram of the positive class's probability by true class; of several classes of the predicted
    class's, of right and of wrong predictions."""
    names, y, found = seen.winner.classes, seen.test.y, seen.test_shares
    if len(names) == 2:
        groups = {f"true {name}": found[y == k, 1] for k, name in enumerate(names)}
    else:
        right, top = found.argmax(1) == y, found.max(1)
        groups = {"right": top[right], "wrong": top[~right]}
    counts = {name: np.histogram(values, BARS, (0, 1))[0].tolist() for name, values in groups.items()}
    return {"probabilities": Histogram(low=0.0, high=1.0, counts=counts)}
