"""Waits in tests, as long as a slow, shared machine may need: time limits here are not what a test checks."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")
PATIENCE_S = 300.0
"""Longest wait in seconds, after which something must have gone wrong."""


def wait_until(happened: Callable[[], Found], what: str, every_s: float = 0.2) -> Found:
    """Wait until ``happened`` returns something true; return that. AssertionError names ``what`` was waited for."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := happened()):
        assert time.monotonic() < deadline, f"not in {PATIENCE_S:g} s: {what}"
        time.sleep(every_s)
    return found
