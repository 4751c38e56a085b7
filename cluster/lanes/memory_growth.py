"""Finds memory that a process does not give back: a lane is replaced long before it fills the machine's memory.

A lane may grow by a quarter of what is free, and by ``LEAST`` in any case. With 8 lanes that all grow, a third of
the memory that was free at first still is when the first one is replaced.
"""

from __future__ import annotations

import ctypes
import gc
import resource
import sys
from pathlib import Path

import psutil

from search_spaces.spec.files.memory import available_bytes

MIB = 2**20
LEAST = 256 * MIB
"""Growth that is not looked at: allocators keep some memory, and libraries load what they need late."""
SHARE = 4
"""Growth by this part of the free memory is too much."""
PAGE = resource.getpagesize()


class MemoryGrowth:
    """Memory of this process, without what it shares, since its first leg and since the first epoch of a leg."""

    def __init__(self) -> None:
        self._first: int | None = None
        self._begin: int | None = None
        self._epochs = 0

    def begin(self) -> None:
        """Record the beginning of a leg."""
        self._begin, self._epochs = None, 0

    def after_epoch(self) -> str | None:
        """Return by how much the leg has grown since its first epoch, where that is too much, for users."""
        now = own_bytes()
        if self._begin is None:
            self._begin = now
            return None
        self._epochs += 1
        if not _too_much(now - self._begin):
            return None
        each = (now - self._begin) // self._epochs
        return f"{_mib(now - self._begin)} of memory, {_mib(each)} an epoch"

    def after_leg(self) -> str | None:
        """Return by how much the process has grown since its first leg, where that is too much, for users."""
        now = own_bytes()
        if self._first is None:
            self._first = now
        if not _too_much(now - self._first):
            return None
        _give_back()
        grown = own_bytes() - self._first
        return f"{_mib(grown)} of memory, with the trials before it" if _too_much(grown) else None


def own_bytes() -> int:
    """Return this process's memory in bytes, without files and shared memory where the system tells them apart."""
    if sys.platform != "linux":
        return int(psutil.Process().memory_info().rss)
    _, resident, shared = Path("/proc/self/statm").read_text().split()[:3]
    return (int(resident) - int(shared)) * PAGE


def _too_much(grown: int) -> bool:
    return grown > LEAST and grown > available_bytes() // SHARE


def _give_back() -> None:
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)


def _mib(size: int) -> str:
    return f"{size / MIB:,.0f} MiB"
