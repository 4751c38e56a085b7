"""Out of memory: training repeats with half the members in one program, then with half the examples at once.

Neither changes what is computed, but for batch norm, which normalises each part of a mini-batch by itself.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import torch

from search_spaces.space.hyperparameters import Signature, signature
from search_spaces.types.failure import OUT_OF_MEMORY
from workloads.hyperparameters import Training

Result = TypeVar("Result")


class MemoryEnded(Exception):
    """Raised when nothing smaller is left to try: the trial fails and is not retried."""


def memory_ended(error: BaseException) -> bool:
    """Return whether ``error`` means that memory ended, the device's or the machine's."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in OUT_OF_MEMORY)


def attempt(action: Callable[[], Result]) -> Result | None:
    """Return what ``action`` returns, or None where memory ended in it: its tensors are then released."""
    try:
        return action()
    except (RuntimeError, MemoryError) as error:
        if not memory_ended(error):
            raise
    return None


@dataclass(frozen=True)
class Bound:
    """Largest sizes to try, after memory ended with larger ones; 0: no limit is known."""

    width: int = 0
    """Number of members in one program."""
    micro_batch: int = 0
    """Number of examples in memory at once."""

    def tighter(self, width: int, size: int) -> Bound:
        """Return the bound to try after memory ended with ``width`` members and ``size`` examples at once.

        It halves the members, or of one member the examples. Raises MemoryEnded where both are 1.
        """
        if width > 1:
            return replace(self, width=-(-width // 2))
        if size > 1:
            return replace(self, micro_batch=-(-size // 2))
        raise MemoryEnded("memory ends with one trial and one example at a time")

    def __str__(self) -> str:
        members = f"{self.width} trial{'s' * (self.width > 1)} at a time" if self.width else ""
        examples = f"micro-batches of {self.micro_batch}" if self.micro_batch else ""
        return " and ".join(part for part in (members, examples) if part)


class Memory:
    """Keeps bounds by signature, so that later legs begin with what an earlier one has learned."""

    def __init__(self) -> None:
        self._bounds: dict[Signature, Bound] = {}

    def bound(self, hp: Any) -> Bound:
        """Return the bound that is known for the signature of ``hp``."""
        return self._bounds.get(_kind(hp), Bound())

    def tighten(self, hp: Any, width: int, num_examples: int) -> str:
        """Record that memory ended with ``width`` members in one program; return a message on what is tried next.

        ``num_examples`` is the size of the training split. Raises MemoryEnded where nothing is left to try.
        """
        if not isinstance(hp, Training):
            raise MemoryEnded("memory ended, and this workload knows no smaller steps")
        known = self.bound(hp)
        sizes = (hp.batch_size, num_examples, hp.micro_batch, known.micro_batch)
        bound = known.tighter(width, min(size for size in sizes if size))
        self._bounds[_kind(hp)] = bound
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return f"out of memory; going on with {bound}"


def _kind(hp: Any) -> Signature:
    return signature(type(hp), vars(hp))
