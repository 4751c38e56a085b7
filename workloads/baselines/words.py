"""Labelled words: the label that is the most frequent of all, or that a word has most often in training."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np

from workloads.arrays import Array, Arrays
from workloads.baselines.constants import frequencies
from workloads.baselines.contract import Predict
from workloads.data.raw import NOT_COUNTED
from workloads.data.search_data import SearchData
from workloads.data.sentences.describe import rows_of
from workloads.data.tagged.conll_file import words_in

TIE = 1e-12
"""Advantage of a label over the next one in order, as where all are equally likely nothing is predicted."""


def majority(search: SearchData, train: Arrays) -> Predict:
    """Return each label's share of the training words, with one more of each."""
    shares = frequencies(search, train)
    return lambda rows: shares(rows) - TIE * np.arange(search.num_outputs)


def labels_of_words(search: SearchData, train: Arrays) -> Predict:
    """Count the labels of each training word, as the CoNLL tasks' baselines do; others have those of all words.

    Shares are (count + share of all words) / (occurrences + 1).
    """
    counts: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for (text,), labels in zip(rows_of(train.x, train.columns), train.y, strict=True):
        for word, label in zip(words_in(text), labels[labels != NOT_COUNTED].tolist(), strict=True):
            counts[word][label] += 1
    logs = majority(search, train)(train.take(np.arange(1)))[0, 0]
    known = {word: _shares(found, np.exp(logs)) for word, found in counts.items()}

    def predict(rows: Arrays) -> Array:
        found = np.broadcast_to(logs, (*rows.y.shape, len(logs))).copy()
        for row, (text,) in zip(found, rows_of(rows.x, rows.columns), strict=True):
            words = words_in(text)
            row[: len(words)] = [known.get(word, logs) for word in words]
        return found

    return predict


def _shares(found: Counter[int], others: Array) -> Array:
    counts = np.array([found[label] for label in range(len(others))])
    logs: Array = np.log((counts + others) / (counts.sum() + 1))
    return logs
