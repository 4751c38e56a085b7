"""Waiting in tests: as long as a slow, shared machine may need, for nothing that a test is about."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")
PATIENCE_S = 300.0
"""Then something has gone wrong."""


def wait_until(happened: Callable[[], Found], what: str, every_s: float = 0.2) -> Found:
    """What ``happened`` returns once that is true. Raises AssertionError with ``what`` was waited for."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := happened()):
        assert time.monotonic() < deadline, f"not in {PATIENCE_S:g} s: {what}"
        time.sleep(every_s)
    return found
