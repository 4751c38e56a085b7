"""What the champion says of the validation and the test split, computed once for all parts of its inspection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from workloads.arrays import Array, Arrays
from workloads.champion.winner import Subject, Winner, outputs

MANY = 2**24
"""Number of logits above which their probabilities are kept in single precision."""


@dataclass(frozen=True)
class Seen:
    """The champion, and the raw examples of both splits."""

    subject: Subject
    winner: Winner
    val: Arrays
    test: Arrays

    @cached_property
    def of_val(self) -> Mapping[str, Array]:
        """The task's values of each validation example."""
        return outputs(self.winner, self.val)

    @cached_property
    def of_test(self) -> Mapping[str, Array]:
        """The task's values of each test example."""
        return outputs(self.winner, self.test)

    @cached_property
    def val_shares(self) -> Array:
        """Probability of each class, (validation examples, classes)."""
        return shares(self.of_val["logits"])

    @cached_property
    def test_shares(self) -> Array:
        """Probability of each class, (test examples, classes)."""
        return shares(self.of_test["logits"])

    def row(self, place: int) -> int:
        """Return where a validation example stands in its source."""
        return self.subject.rows[place] if self.subject.rows else place


def shares(logits: Array) -> Array:
    """Return the softmax of ``logits`` (..., classes); in single precision where there are very many."""
    if logits.size > MANY:
        logits = logits.astype(np.float32)
    raised = np.exp(logits - logits.max(-1, keepdims=True))
    found: Array = raised / raised.sum(-1, keepdims=True)
    return found


def evenly(num: int, most: int) -> Array:
    """Return at most ``most`` places out of ``num``, evenly chosen."""
    return np.arange(0, num, max(1, -(-num // most)))
