"""What a champion of labelled words does well and badly: scores of each kind of span, and the worst sentences."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from search_spaces.types.inspection import ClassScores, Confusion, Mistake
from workloads.arrays import Array, Arrays
from workloads.champion.looks.mistakes import MAX_MISTAKES
from workloads.champion.winner import Subject, Winner, outputs
from workloads.data.raw import NOT_COUNTED
from workloads.data.sentences.describe import texts_of
from workloads.data.tagged.schemes import scheme_of
from workloads.tasks.spans import span_counts

NONE = "-"
"""Shown for a word that is not read, and so has no label."""


def scores_of_labels(winner: Winner, test: Arrays) -> dict[str, Any]:
    """Return the confusion matrix of the test words' labels, and scores of each kind of span, or of each label.

    Words that are not read are in no row of the matrix, and count as missed in the scores.
    """
    predicted, y, num = outputs(winner, test)["predicted"].astype(np.int64), test.y, len(winner.classes)
    told = (y != NOT_COUNTED) & (predicted != NOT_COUNTED)
    counts = np.zeros((num, num), dtype=np.int64)
    np.add.at(counts, (y[told], predicted[told]), 1)
    scheme = scheme_of(winner.classes)
    if scheme is None:
        names = winner.classes
        there = np.bincount(y[y != NOT_COUNTED], minlength=num)
        found = np.stack([np.diag(counts), counts.sum(0), there])
    else:
        names = [name or "span" for name in scheme.names]
        spans = span_counts(torch.from_numpy(predicted)[None], torch.from_numpy(y), scheme)
        found = spans[:, 0].numpy().astype(np.int64)
    unread = int(((y != NOT_COUNTED) & (predicted == NOT_COUNTED)).sum())
    confusion = Confusion(classes=winner.classes, counts=counts.tolist(), unread=unread)
    scores = [ClassScores.of(name, *count) for name, count in zip(names, found.T.tolist(), strict=True)]
    return {"confusion": confusion, "classes": scores}


def worst_sentences(subject: Subject, winner: Winner, val: Arrays) -> dict[str, Any]:
    """Return validation sentences with a wrong label, those with the largest loss a word first."""
    values = outputs(winner, val)
    predicted, real = values["predicted"].astype(np.int64), val.y != NOT_COUNTED
    loss = values["nats"] / real.sum(1)
    wrong = np.flatnonzero(((predicted != val.y) & real).any(1))
    texts = texts_of(val)
    listed = [
        Mistake(
            row=subject.rows[k] if subject.rows else int(k),
            truth=_labels(winner, val.y[k][real[k]]),
            predicted=_labels(winner, predicted[k][real[k]]),
            loss=float(loss[k]),
            example={"words": texts[k]},
        )
        for k in wrong[np.argsort(-loss[wrong], kind="stable")][:MAX_MISTAKES]
    ]
    return {"mistakes": listed} if listed else {}


def _labels(winner: Winner, codes: Array) -> str:
    return " ".join(NONE if code == NOT_COUNTED else winner.classes[code] for code in codes)
