"""Completions of prompts: an n-gram model of their characters, which also predicts where a completion ends."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from workloads.arrays import Array, Arrays
from workloads.baselines.characters import ORDER, Level, levels_of, shares
from workloads.baselines.contract import Predict
from workloads.data.search_data import SearchData
from workloads.data.sentences.describe import rows_of

UNKNOWN, END = 0, 1
"""Codes of a character that training lacks, and of the end of a completion."""
MAX_ROWS = 50_000
"""Limit on the training pairs."""


def n_grams(search: SearchData, train: Arrays, order: int = ORDER) -> Predict:
    """Count the n-grams of prompts and completions, as ``characters.n_grams`` does; predict completions alone.

    Each character of a completion, and its end, is predicted from those before it, of the prompt too. What is
    predicted are sums of each row, float64 (rows, 5): nats, hits, 0, number of predictions, and of characters.
    """
    pairs = rows_of(train.x, train.columns)
    codes = {letter: 2 + k for k, letter in enumerate(sorted({c for pair in pairs for text in pair for c in text}))}
    text = np.concatenate([[END], *(_coded(pair, codes) for pair in pairs)])
    levels = levels_of(text, 2 + len(codes), order)
    return lambda rows: np.stack([_sums(levels, pair, codes) for pair in rows_of(rows.x, rows.columns)])


frequencies = partial(n_grams, order=1)


def _coded(pair: Sequence[str], codes: dict[str, int]) -> Array:
    """Return the codes of a prompt and its completion, and of the end."""
    return np.array([*(codes.get(letter, UNKNOWN) for text in pair for letter in text), END])


def _sums(levels: Sequence[Level], pair: Sequence[str], codes: dict[str, int]) -> Array:
    known, num_predicted = _coded(pair, codes), len(pair[1]) + 1
    before = np.concatenate([[END], known[:-1]])[None]
    found = shares(levels, before, 2 + len(codes))[0, -num_predicted:]
    targets = known[-num_predicted:]
    nats, hits = -np.log(found[np.arange(num_predicted), targets]), found.argmax(1) == targets
    return np.array([nats.sum(), hits.sum(), 0.0, num_predicted, len(pair[1])])
