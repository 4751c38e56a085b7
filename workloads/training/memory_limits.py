"""Where memory ends: fewer members in one program, then fewer examples at once, with the same mathematics."""

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
    """There is nothing smaller left to try: the trial fails, and is not retried."""


def memory_ended(error: BaseException) -> bool:
    """Whether memory ended, the device's or the machine's."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in OUT_OF_MEMORY)


def attempt(action: Callable[[], Result]) -> Result | None:
    """What ``action`` returns, or None where memory ended in it: by then nothing holds on to its tensors."""
    try:
        return action()
    except (RuntimeError, MemoryError) as error:
        if not memory_ended(error):
            raise
    return None


@dataclass(frozen=True)
class Bound:
    """What memory was found to hold; 0: nobody knows of a bound."""

    width: int = 0
    """Members in one program."""
    micro_batch: int = 0
    """Examples at once."""

    def tighter(self, width: int, size: int) -> Bound:
        """What to try after memory ended with ``width`` members in a program and ``size`` examples at once.

        Raises MemoryEnded where there is nothing left to try.
        """
        if width > 1:
            return replace(self, width=-(-width // 2))
        if size > 1:
            return replace(self, micro_batch=-(-size // 2))
        raise MemoryEnded("memory ends with one member and one example at a time")

    def __str__(self) -> str:
        members = f"{self.width} member{'s' * (self.width > 1)} at a time" if self.width else ""
        examples = f"micro-batches of {self.micro_batch}" if self.micro_batch else ""
        return " and ".join(part for part in (members, examples) if part)


class Memory:
    """The bounds by signature: what one leg has learned, later legs of its kind begin with."""

    def __init__(self) -> None:
        self._bounds: dict[Signature, Bound] = {}

    def bound(self, hp: Any) -> Bound:
        """What is known for programs of this kind."""
        return self._bounds.get(_kind(hp), Bound())

    def tighten(self, hp: Any, width: int, num_examples: int) -> str:
        """Memory ended; says what is tried next. Raises MemoryEnded where there is nothing left to try."""
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
