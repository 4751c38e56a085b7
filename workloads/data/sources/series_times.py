"""Checks that the times of a series are equally far apart, and finds its interval and season."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from workloads.arrays import Array, DataError

MONTHS_A_YEAR = 12
DAY = 86_400
NAMES = {1: "second", 60: "minute", 3600: "hour", DAY: "day", 7 * DAY: "week"}
"""Names of intervals by their length in seconds."""
SEASONS = {1: 60, 60: 60, 3600: 24, DAY: 7, 7 * DAY: 52}
"""Number of steps in a season (a minute, an hour, a day, a week, a year) by the length of a step in seconds."""


@dataclass(frozen=True)
class Interval:
    """Length of a series' step in words, and the number of steps in its natural season (1 where none is known)."""

    name: str
    season: int


def pace(times: Any, place: Callable[[int], str]) -> Interval:
    """Return the interval of ``times``, a Series of dates or numbers. Raises DataError for unequal steps.

    Months count as equal steps, whatever their number of days. ``place`` returns a row's name for messages.
    """
    if len(times) < 2:
        raise DataError(f"{place(0)}: a series needs at least two times")
    positions, unit = _positions(times, place)
    steps = np.diff(positions)
    ahead, counts = np.unique(steps[steps > 0], return_counts=True)
    usual = ahead[np.argmax(counts)] if len(ahead) else 1
    wrong = np.flatnonzero(np.abs(steps - usual) > 1e-6 * usual)
    if len(wrong):
        row = int(wrong[0]) + 1
        pair = f"{times.iloc[row]} after {times.iloc[row - 1]}"
        raise DataError(f"{place(row)}: {_reason(float(steps[row - 1]), float(usual), unit)} ({pair})")
    return _pace(float(usual), unit)


def _positions(times: Any, place: Callable[[int], str]) -> tuple[Array, str]:
    """Return each time as a number, and its unit: "number", "month" or "second".

    Dates count in months where all are at the same time of day and the same day, or the last one, of their month.
    """
    import pandas as pd

    if pd.api.types.is_numeric_dtype(times):
        positions = times.to_numpy(np.float64)
        _check_there(~np.isfinite(positions), times, place)
        return positions, "number"
    dates = pd.to_datetime(times, errors="coerce", utc=True)
    _check_there(dates.isna().to_numpy(), times, place)
    clock = (dates - dates.dt.normalize()).dt.total_seconds()
    if clock.nunique() == 1 and (dates.dt.day.nunique() == 1 or dates.dt.is_month_end.all()):
        return (dates.dt.year * MONTHS_A_YEAR + dates.dt.month).to_numpy(np.float64), "month"
    return (dates - dates.iloc[0]).dt.total_seconds().to_numpy(np.float64), "second"


def _check_there(wrong: Array, times: Any, place: Callable[[int], str]) -> None:
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise DataError(
            f"{place(row)}: the time {times.name!r} must be a date or a number, not {times.iloc[row]!r}"
        )


def _reason(step: float, usual: float, unit: str) -> str:
    if step == 0:
        return "the time stands twice"
    if step < 0:
        return "the time goes backwards"
    missing = step / usual - 1
    if abs(missing - round(missing)) < 1e-6 and missing > 0:
        return f"{missing:.0f} x {_pace(usual, unit).name} missing"
    return f"the step is not {_pace(usual, unit).name} as elsewhere"


def _pace(step: float, unit: str) -> Interval:
    if unit == "number":
        return Interval(f"{step:g}", 1)
    if unit == "month":
        season = MONTHS_A_YEAR / step
        return Interval(_counted(step, "month"), int(season) if season.is_integer() else 1)
    size = max((seconds for seconds in NAMES if step % seconds == 0), default=1)
    if step in SEASONS:
        return Interval(_counted(step / size, NAMES[size]), SEASONS[int(step)])
    daily = DAY / step
    return Interval(_counted(step / size, NAMES[size]), int(daily) if daily > 1 and daily.is_integer() else 1)


def _counted(number: float, name: str) -> str:
    return f"1 {name}" if number == 1 else f"{number:g} {name}s"
