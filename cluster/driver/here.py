"""Drives a sweep of this folder in this process: takes its lock, runs it to its end, and sorts what goes wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cluster.sweep.home import SweepHome
from search_spaces.types.driver_errors import CANNOT_GO_ON, BrokeOff, Busy, Unable
from workloads.arrays import DataError

if TYPE_CHECKING:
    from cluster.sweep.limits.extension import Extension
    from cluster.terminal.records import Observer


def drive_here(home: SweepHome, view: Observer, more: Extension | None = None) -> int:
    """Run the sweep, or continue it, on a Ray that ends with this process; return the exit code.

    ``more`` is what the search gets besides. Raises SpecError; Unable where the sweep cannot run as it is, which
    also removes the home of one that never began; BrokeOff where it cannot go on; Busy where another process drives
    it.
    """
    with home.driven():  # before the slow imports, so that `paceline show` says that it is starting
        from cluster.doctor.stores import StoresRefused  # 60 ms
        from cluster.doctor.surroundings import Unfit
        from cluster.driver.driver import DataChanged, drive  # 500 ms: Optuna
        from cluster.sweep.lane_count import TooSmall

        try:
            return drive(home, view, more, process_ends=True)
        except (DataError, StoresRefused, TooSmall, Unfit) as error:
            if not home.has_begun:
                home.remove()
            raise Unable(str(error)) from None
        except (DataChanged, *CANNOT_GO_ON) as error:
            raise BrokeOff(str(error)) from error


def held(error: Busy, home: SweepHome) -> str:
    """Return what to do about a sweep that another process drives."""
    return f"{error}; `paceline show {home.id}` shows it, `paceline stop {home.id}` ends it"
