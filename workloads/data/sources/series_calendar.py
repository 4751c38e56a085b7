"""Finds the calendar of a series: the equal steps by which its times go on, and what is missing or there twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from workloads.arrays import Array, DataError
from workloads.data.sources.series_times import Times
from workloads.data.sources.series_zones import LIKELY

if TYPE_CHECKING:
    from search_spaces.spec.data import Data

MONTHS_A_YEAR, DAYS_A_WEEK = 12, 7
MINUTE, DAY = 60, 86_400
NAMES: Final = {1: "second", 60: "minute", 3600: "hour", DAY: "day", 7 * DAY: "week"}
"""Names of intervals by their length in seconds."""
SEASONS: Final = {1: 60, 60: 60, 3600: 24, DAY: 7, 7 * DAY: 52}
"""Number of steps in a season (a minute, an hour, a day, a week, a year) by the length of a step in seconds."""
TOLERANCE = 1e-6
"""Part of a step by which steps may differ."""
MOSTLY = 0.9
"""A series is one of months where at least this share of its times is: others are at fault."""
WEEKDAYS = "Mon Tue Wed Thu Fri"
MIN_WEEKS = 2
"""A day of the week without a row is left out by the calendar, not missing, where times span this many weeks."""
HOLIDAYS: Final = (0.01, 0.1)
"""Weekdays without a row are holidays where they are at least and at most these shares of all, and two or more."""
MAX_HOLIDAYS = 6
"""Most weekdays without a row one after the other that may be holidays."""


@dataclass(frozen=True)
class Interval:
    """Length of a series' step in words, and the number of steps in its natural season (1 where none is known)."""

    name: str
    season: int


@dataclass(frozen=True)
class Calendar:
    """The interval of a series, and each row's number of steps after the first row; equal times have one number."""

    interval: Interval
    positions: Array
    num_holidays: int = 0
    """Weekdays without a row that are no gaps."""


@dataclass(frozen=True)
class _Scale:
    """Times as numbers of one unit: ``number``, ``second``, ``month``, or days of the week such as ``Mon Tue``."""

    unit: str
    numbers: Array

    @property
    def steps(self) -> Array:
        found: Array = np.diff(self.numbers)
        return found

    @property
    def usual(self) -> float:
        ahead, counts = np.unique(self.steps[self.steps > 0], return_counts=True)
        return float(ahead[np.argmax(counts)]) if len(ahead) else 1.0

    @property
    def odd(self) -> Array:
        """Steps that are backward or no whole multiple of the usual one, as numbers."""
        parts = self.steps / self.usual
        found: Array = np.flatnonzero((parts < 0) | (np.abs(parts - np.round(parts)) > TOLERANCE))
        return found

    @property
    def positions(self) -> Array:
        return np.concatenate([[0], np.cumsum(np.round(self.steps / self.usual))]).astype(np.int64)

    @property
    def faults(self) -> tuple[int, int, int]:
        """Number of odd steps, of missing ones, and of doubled times, by which scales are compared."""
        counts = np.round(self.steps / self.usual)
        return len(self.odd), int((counts[counts > 1] - 1).sum()), int((counts == 0).sum())


def calendar(times: Times, data: Data) -> Calendar:
    """Return the calendar by which the fewest times are missing.

    Unless ``data.gaps`` says what they are, a few weekdays without a row are holidays. Raises DataError with the
    first time that goes backwards or lies between two steps.
    """
    best = _best(times)
    num_odd, num_missing, num_doubled = best.faults
    asked = (num_missing and data.gaps in (None, "error")) or (num_doubled and data.duplicates in (None, "error"))
    if num_odd or asked:
        _refuse_changed_clock(times, best)
    if num_odd:
        row = int(best.odd[0]) + 1
        even = f"the step is not {interval(best.unit, best.usual).name} as elsewhere, but a series needs equal ones"
        back = "the time goes backwards, but the lines of a series (data.series_id) must be in order"
        raise times.fault(row, back if best.steps[row - 1] < 0 else even)
    weekdays = data.gaps is None and best.unit == WEEKDAYS and best.usual == 1
    return (_trading_days(best) if weekdays else None) or Calendar(interval(best.unit, best.usual), best.positions)


def interval(unit: str, step: float) -> Interval:
    """Return the interval of ``step`` units."""
    if unit == "number":
        return Interval(f"{step:g}", 1)
    if unit == "month":
        season = MONTHS_A_YEAR / step
        return Interval(_counted(step, "month"), int(season) if season.is_integer() else 1)
    if unit != "second":
        season = len(unit.split()) if step == 1 else 1
        return Interval(
            _counted(step, "weekday") if unit == WEEKDAYS else f"{_counted(step, 'day')} ({unit})", season
        )
    size = max((seconds for seconds in NAMES if step % seconds == 0), default=1)
    if step in SEASONS:
        return Interval(_counted(step / size, NAMES[size]), SEASONS[int(step)])
    season = (DAY if step > MINUTE else MINUTE) / step
    return Interval(_counted(step / size, NAMES[size]), int(season) if season > 1 and season.is_integer() else 1)


def _counted(number: float, name: str) -> str:
    return f"1 {name}" if number == 1 else f"{number:g} {name}s"


def _best(times: Times) -> _Scale:
    return min(_scales(times), key=lambda scale: scale.faults)


def _scales(times: Times) -> Iterator[_Scale]:
    """Yield the scales that the times allow, the likelier ones first."""
    if not times.are_dates:
        yield _Scale("number", times.clock)
        return
    on_a_month = _by_month(times.clock)
    if on_a_month.mean() >= MOSTLY:
        months = times.clock.astype("datetime64[M]").astype(np.float64)
        yield _Scale("month", np.where(on_a_month, months, months + 0.5))
    yield _Scale("second", _seconds(times.moment))
    if (times.clock != times.moment).any():
        yield _Scale("second", _seconds(times.clock))
    days = times.clock.astype("datetime64[D]")
    if (times.clock - days == times.clock[0] - days[0]).all():
        yield from _by_weekday(days)


def _seconds(moments: Array) -> Array:
    found: Array = (moments - moments[0]) / np.timedelta64(1, "s")
    return found


def _by_month(clock: Array) -> Array:
    """Return whether each time is, as most are, on one day, the first or the last weekday of a month.

    None is unless all are at one time of day.
    """
    days = clock.astype("datetime64[D]")
    if (clock - days != clock[0] - days[0]).any():
        return np.zeros(len(days), bool)
    months = clock.astype("datetime64[M]")
    first, end = months.astype("datetime64[D]"), (months + 1).astype("datetime64[D]")
    day, length = (days - first).astype(int) + 1, (end - first).astype(int)
    usual = np.bincount(day).argmax() if (day <= 28).mean() >= MOSTLY else day.max()
    on_a_day = day == np.minimum(usual, length)
    on_an_end = (day == length) | (days == np.busday_offset(end, -1, roll="forward"))
    on_a_start = (day == 1) | (days == np.busday_offset(first, 0, roll="forward"))
    found: Array = max((on_a_day, on_an_end, on_a_start), key=np.count_nonzero)
    return found


def _by_weekday(days: Array) -> Iterator[_Scale]:
    """Yield the scale of the days of the week that occur, where some never do."""
    weekday = (days.astype(int) + 3) % DAYS_A_WEEK  # 1 January 1970 was a Thursday
    mask = np.isin(np.arange(DAYS_A_WEEK), weekday)
    span = (days.max() - days.min()).astype(int) + 1
    if 2 <= mask.sum() < DAYS_A_WEEK and span >= MIN_WEEKS * DAYS_A_WEEK:
        names = np.array(["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"])[mask]
        counted = np.busday_count(days[0], days, weekmask=mask.tolist())
        yield _Scale(" ".join(names), counted.astype(np.float64))


def _trading_days(weekdays: _Scale) -> Calendar | None:
    """Return the calendar in which weekdays without a row are holidays; None where they are too few or too many."""
    counts = np.round(weekdays.steps)
    _, num_missing, _ = weekdays.faults
    least, most = HOLIDAYS
    share = num_missing / (weekdays.numbers[-1] + 1)
    if num_missing < 2 or not least <= share <= most or counts.max() > MAX_HOLIDAYS + 1:
        return None
    rows = np.concatenate([[0], np.cumsum(counts > 0)])
    return Calendar(Interval("1 trading day", len(WEEKDAYS.split())), rows, num_missing)


def _refuse_changed_clock(times: Times, best: _Scale) -> None:
    """Raise DataError for times that have fewer faults by the clock of a place where it is changed."""
    if not times.are_dates or best.unit != "second":
        return
    places = {zone: times.within(zone) for zone in LIKELY}
    faults = {zone: _best(there).faults for zone, there in places.items() if not np.isnat(there.moment).any()}
    zone = min(faults, key=lambda zone: faults[zone], default=None)
    if zone is None or faults[zone] >= best.faults:
        return
    rows = np.flatnonzero(np.abs(best.steps - best.usual) > TOLERANCE * best.usual) + 1
    first = int(rows[0])
    back = [int(row) for row in rows[best.steps[rows - 1] < best.usual] if row != first][:1]
    more = "".join(f" and {times.place(row)} ({times.pair(row)})" for row in back)
    found = f"{times.place(first)} ({times.pair(first)}){more}"
    raise DataError(f"{found}: a clock is changed: say data.time_zone, such as {zone}, which fits")
