"""The run, under the name that W&B has for its module."""

from __future__ import annotations

from ..runs import Run

__all__ = ["Run"]
