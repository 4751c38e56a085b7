"""Numbers below 1e-38, which weights never need and which cost a processor a hundred times their arithmetic."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def without_denormals() -> Iterator[None]:
    """They count as 0 in this thread meanwhile, on a CPU: Adam's squares of small gradients are full of them.

    Not for code of a user's own: NumPy warns where it finds no such numbers.
    """
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
