"""Thresholds of a two-class champion: the one with the best F1 is chosen on validation, and told on test."""

from __future__ import annotations

from typing import Any

import numpy as np

from search_spaces.types.inspected.classes import Flagged, Threshold
from workloads.arrays import Array
from workloads.champion.looks.seen import Seen

TOLD = np.arange(1, 20) / 20
"""Thresholds that are always told."""


def thresholds(seen: Seen) -> dict[str, Any]:
    """Return what each threshold of the second class's probability would flag, on both splits."""
    val, test = seen.val_shares[:, 1], seen.test_shares[:, 1]
    val_truth, test_truth = seen.val.y == 1, seen.test.y == 1
    if not val_truth.any():
        return {"thresholds": []}
    best = chosen(val_truth, val)
    values = sorted({*TOLD.tolist(), best})
    found = [
        Threshold(
            value=value,
            val=flagged(val_truth, val, value),
            test=flagged(test_truth, test, value),
            chosen=value == best,
        )
        for value in values
    ]
    return {"thresholds": found}


def chosen(truth: Array, scores: Array) -> float:
    """Return the threshold with the highest F1: midway between the score it flags last and the next lower one.

    Of several the highest, which flags the fewest examples. ``truth`` (examples,) has a positive example.
    """
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], np.cumsum(truth[order])
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)  # equal scores are flagged together
    f1 = 2 * hits[last] / (last + 1 + truth.sum())
    place = last[int(f1.argmax())]
    lower = ranked[place + 1] if place + 1 < len(ranked) else 0.0
    return float((ranked[place] + lower) / 2)


def flagged(truth: Array, scores: Array, threshold: float) -> Flagged:
    """Return the scores of flagging all examples whose score is at least ``threshold``."""
    flags = scores >= threshold
    hits, num = int((flags & truth).sum()), int(flags.sum())
    return Flagged(
        precision=hits / max(num, 1),
        recall=hits / max(int(truth.sum()), 1),
        f1=2 * hits / max(num + int(truth.sum()), 1),
        share=num / max(len(truth), 1),
    )
