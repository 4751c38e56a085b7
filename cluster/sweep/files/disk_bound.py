"""The bound on the disk that a sweep's checkpoints take, and what to say where less is free."""

from __future__ import annotations

import shutil
from pathlib import Path

from search_spaces.race.search import cohort_width, sweep_schedule
from search_spaces.spec.sweep import Sweep
from workloads.legs import checkpoint

MIB = 2**20
LEAST_BYTES = 8 * 2**10
"""Bytes that a checkpoint takes on a disk in any case: two files."""


def most_checkpoints(sweep: Sweep, num_lanes: int) -> int:
    """Return how many checkpoints there may be at a time, as the documentation's page on crash safety derives it.

    Waiting trials keep one, running ones two, and so do the trainings of the final evaluation. All may wait: none
    is given up before one is trained to the end.
    """
    waiting = (
        sweep.trials * (sweep.repeats.seeds if sweep.repeats else 1) if len(sweep_schedule(sweep).rungs) > 1 else 0
    )
    running = min(sweep.trials, num_lanes * cohort_width(sweep, num_lanes))
    if sweep.final is None:
        return waiting + 2 * running + 1
    finals = (sweep.final.top + 1) * sweep.final.seeds
    return sweep.final.top + max(waiting + 2 * running, finals + min(finals, running) + 1)


def shortage(folder: str, num: int, size: int = LEAST_BYTES) -> str | None:
    """Return what to say where ``num`` checkpoints of ``size`` bytes may be more than is free for ``folder``.

    None where there is room, or the folder is no local one.
    """
    if "://" in folder and not folder.startswith("file://"):
        return None
    place = Path(folder.removeprefix("file://")).absolute()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if num * size <= free:
        return None
    return (
        f"the disk of {place} may become full: up to {num:,} checkpoints of {_size(size)} take "
        f"{_size(num * size)}, and {_size(free)} are free; make room, or name another folder (storage.checkpoints)"
    )


def shortage_of_more(folder: str, first: str, most: int) -> str | None:
    """Return what ``shortage`` says of checkpoints that are still to come, of ``most``, each like ``first``."""
    size = checkpoint.num_bytes(first)
    there = len(checkpoint.found(folder)) if size else 0
    return shortage(folder, max(0, most - there), size)


def _size(num_bytes: int) -> str:
    return f"{num_bytes / MIB:,.0f} MiB" if num_bytes >= 10 * MIB else f"{num_bytes / 2**10:,.0f} KiB"
