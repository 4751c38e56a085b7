"""The schedules: one row each."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from search_spaces.schedules.asha import Asha
from search_spaces.schedules.contract import Schedule
from search_spaces.schedules.full import Full

SCHEDULES: Mapping[str, Callable[[int, int, int], Schedule]] = {
    "none": lambda epochs, min_iter, eta: Full(epochs),
    "asha": lambda epochs, min_iter, eta: Asha(epochs, min_iter, eta),
}


def schedule(kind: str, epochs: int, min_iter: int, eta: int) -> Schedule:
    """The schedule named ``kind``; a row of SCHEDULES adds one."""
    return SCHEDULES[kind](epochs, min_iter, eta)
