"""Imports of thousands of modules without the garbage collector, which would take a fifth of their time."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing() -> Iterator[None]:
    """Nothing is collected meanwhile; what is there at the end is never looked at again, as modules stay anyway.

    May be nested, and other threads' garbage waits, too.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.freeze()
            gc.enable()
