"""Denormal numbers, below 1e-38: weights never need them, and they slow a processor's arithmetic a hundredfold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def without_denormals() -> Iterator[None]:
    """Treat denormals as 0 on a CPU, in this thread and within the context.

    Adam's squares of small gradients are full of them. Not for users' code: NumPy warns where denormals are off.
    """
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
