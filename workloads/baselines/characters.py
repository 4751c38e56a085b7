"""Texts as streams of characters: an n-gram model, interpolated by Witten and Bell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workloads.arrays import Array, Arrays
from workloads.baselines.contract import Predict
from workloads.data.search_data import SearchData

ORDER = 5
"""Characters of an n-gram: each is predicted from the four before it, where the window has so many."""
UNKNOWN = -1


def n_grams(search: SearchData, train: Arrays) -> Predict:
    """Count the n-grams of up to ``ORDER`` characters; return a model whose shares after each context sum to 1.

    The share of a character after a context is (count + kinds * share after the shorter context) / (total + kinds),
    where ``kinds`` different characters have followed the context (Witten & Bell 1991, IEEE Transactions on
    Information Theory 37(4)). Without any context all are equally likely.
    """
    text = np.append(train.x.ravel(), train.y[-1, -1])  # windows of the training text follow each other
    levels = levels_of(text, search.num_outputs)
    return lambda rows: np.log(shares(levels, rows.x, search.num_outputs))


@dataclass(frozen=True)
class Level:
    """The contexts of one length: sorted ``keys``, and what followed each, sparse ``counts`` (keys, characters)."""

    keys: Array
    counts: Any

    def places(self, keys: Array) -> Array:
        """Return the place of each key, ``UNKNOWN`` for those that never occurred."""
        at = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[at] == keys, at, UNKNOWN)


def levels_of(text: Array, num_characters: int, order: int = ORDER) -> list[Level]:
    """Return the contexts of no character, of one, and so on, of a text (characters,)."""
    from scipy.sparse import csr_array

    found: list[Level] = []
    places = np.zeros(len(text), dtype=np.int64)
    for length in range(order):
        if length:
            places = _extended(places, text[:-length], num_characters)
        keys, places = np.unique(places, return_inverse=True)
        each = (np.ones(len(places)), (places, text[length:]))
        found.append(Level(keys, csr_array(each, shape=(len(keys), num_characters))))
        places = places[1:]
    return found


def _extended(places: Array, older: Array, num_characters: int) -> Array:
    """Return the keys of contexts with one ``older`` character more than those at ``places``."""
    return places * num_characters + older


def _contexts(levels: Sequence[Level], x: Array, num_characters: int) -> Iterator[Array]:
    """Yield the places (windows, steps) of the contexts of each length that end with each of ``x``."""
    places = np.zeros(x.shape, dtype=np.int64)
    yield places
    for length, level in enumerate(levels[1:], start=1):
        longer = np.full(x.shape, UNKNOWN)
        keys = _extended(places[:, length - 1 :], x[:, : x.shape[1] - length + 1], num_characters)
        longer[:, length - 1 :] = np.where(places[:, length - 1 :] == UNKNOWN, UNKNOWN, level.places(keys))
        places = longer
        yield places


def shares(levels: Sequence[Level], x: Array, num_characters: int) -> Array:
    """Return the share of each character after each of ``x``, float64 (windows, steps, characters)."""
    found = np.full((*x.shape, num_characters), 1 / num_characters)
    for level, places in zip(levels, _contexts(levels, x, num_characters), strict=True):
        known = places != UNKNOWN
        counts = level.counts[places[known]].toarray()
        kinds = (counts > 0).sum(1, keepdims=True)
        found[known] = (counts + kinds * found[known]) / (counts.sum(1, keepdims=True) + kinds)
    return found
