"""Imports of thousands of modules without the garbage collector, which would take a fifth of their time."""

from __future__ import annotations

import gc
import importlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress


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


def import_ahead(names: Iterable[str]) -> None:
    """Import these modules before they are needed. One that fails is passed over: it is told where it is needed."""
    with importing():
        for name in names:
            with suppress(Exception):
                importlib.import_module(name)
