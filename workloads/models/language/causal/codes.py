"""Rows of a causal model: the codes of their tokens, each with whether it counts and begins an example.

A row is 1 + the number of characters of what counts, then the codes 1 + 4 * token + 2 * begins + counts, then 0.
So a row holds what is to be predicted, and how far, whoever divides the rows among batches and processes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from workloads.arrays import Array


@dataclass(frozen=True)
class Row:
    """Codes of a row, and the number of characters of the tokens that count."""

    codes: Array
    characters: int

    @property
    def numbers(self) -> Array:
        """The row as a model takes it."""
        return np.append(np.int64(1 + self.characters), self.codes)


def row(tokens: Sequence[int] | Array, counts: Sequence[bool] | Array, characters: int) -> Row:
    """Return the row of one example; its first token, which nothing is before, never counts."""
    ids, counted = np.asarray(tokens, np.int64), np.asarray(counts, bool)
    assert len(ids) and not counted[0]
    codes = 1 + 4 * ids + counted
    codes[0] += 2
    return Row(codes, characters)


def matrix(rows: Sequence[Row]) -> Tensor:
    """Return int32 numbers (rows, 1 + tokens of the longest), 0 behind the end of shorter ones."""
    width = 1 + max((len(one.codes) for one in rows), default=1)
    found = np.zeros((len(rows), width), np.int32)
    for k, one in enumerate(rows):
        found[k, : 1 + len(one.codes)] = one.numbers
    return torch.from_numpy(found)


def packed(rows: Sequence[Row], max_length: int) -> list[Row]:
    """Return rows of several examples, each at most ``max_length`` tokens: longest first, where there is room.

    The fullest row that an example fits into gets it (best fit decreasing, Johnson 1974).
    """
    rooms: list[int] = []
    bins: list[list[Row]] = []
    for one in sorted(rows, key=lambda one: -len(one.codes)):
        place = bisect_left(rooms, len(one.codes))
        found = [*bins.pop(place), one] if place < len(rooms) else [one]
        room = (rooms.pop(place) if place < len(rooms) else max_length) - len(one.codes)
        place = bisect_left(rooms, room)
        rooms.insert(place, room)
        bins.insert(place, found)
    return [Row(np.concatenate([one.codes for one in held]), sum(one.characters for one in held)) for held in bins]


@dataclass(frozen=True)
class Read:
    """What a matrix of rows says, each (rows, tokens)."""

    tokens: Tensor
    """0 behind a row's end."""
    there: Tensor
    counts: Tensor
    begins: Tensor

    @classmethod
    def of(cls, x: Tensor) -> Read:
        """Read rows of numbers."""
        codes = x[:, 1:].long()
        there = codes > 0
        marks = (codes - 1).clamp(min=0)
        return cls(marks // 4, there, there & (marks % 2 == 1), there & (marks // 2 % 2 == 1))

    def positions(self) -> Tensor:
        """Return each token's place in its own example, from 0."""
        at = torch.arange(self.tokens.shape[1], device=self.tokens.device).expand_as(self.tokens)
        return at - torch.where(self.begins, at, 0).cummax(1).values


def num_counted(x: Tensor) -> int:
    """Return the number of tokens that count in rows of numbers."""
    return int(Read.of(x).counts.sum())
