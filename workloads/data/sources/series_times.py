"""Reads the column of times of a series: dates in one format, Unix times, or plain numbers."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from workloads.arrays import Array, DataError
from workloads.data.sources.series_zones import in_utc, local, seconds_ahead, split_zones
from workloads.tables.date_texts import local_times
from workloads.tables.dates import DateFormatError, date_format

if TYPE_CHECKING:
    from search_spaces.spec.data import Data

NUMBER = "number"
UNIX: Final = {"unix_s": 1, "unix_ms": 10**3, "unix_us": 10**6, "unix_ns": 10**9}
"""Units of Unix times, by how many are a second."""
UNIX_RANGE = (1e8, 1e10)
"""Whole numbers are Unix times where all lie in this range of seconds, the years 1973 to 2286."""
DIGITS: Final = {8: "%Y%m%d", 6: "%Y%m", 10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
"""Formats of dates that are written as whole numbers, by their number of digits."""
MICROSECONDS = "datetime64[us]"
MAX_YEARS_AHEAD = 20
"""Most years from now on that a year of two digits may lie ahead."""


@dataclass(frozen=True)
class Times:
    """The times of a series' rows: numbers (float64), or dates (datetime64) by their clock and in UTC."""

    written: Any
    """The column as it is in the file."""
    form: str
    """Format of the dates, a name in UNIX, or NUMBER."""
    clock: Array
    moment: Array
    """The same as ``clock`` where no zone is known."""
    zone: str
    """The zone that is known; empty for local times of a place that is not, and for numbers."""
    name: Callable[[int], str]
    """Returns the name of a row, by its number in the file, for messages."""

    @property
    def are_dates(self) -> bool:
        return self.form != NUMBER

    def place(self, row: int) -> str:
        """Return a row's name for messages."""
        return self.name(self.written.index[row])

    def fault(self, row: int, what: str) -> DataError:
        """Return an error about a row and the one before."""
        return DataError(f"{self.place(row)}: {what} ({self.pair(row)})")

    def pair(self, row: int) -> str:
        """Return a row's time and the one before in words."""
        return f"{self.written.iloc[row]} after {self.written.iloc[row - 1]}"

    def take(self, rows: Array) -> Times:
        """Return the times of some rows, a mask."""
        return replace(self, written=self.written[rows], clock=self.clock[rows], moment=self.moment[rows])

    def there(self, zone: str) -> Times:
        """Return the times by the local clock in ``zone``. Raises DataError for a time that it does not have."""
        try:
            found = self.within(zone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError) as error:
            raise DataError(f"{self.place(0)}: {zone!r} is no time zone") from error
        skipped = np.flatnonzero(np.isnat(found.moment))
        if len(skipped):
            row = int(skipped[0])
            what = f"the time {found.written.iloc[row]} is skipped in {zone}, where the clock is put forward"
            raise DataError(f"{found.place(row)}: {what}")
        return found

    def within(self, zone: str) -> Times:
        """Return the times by the local clock in ``zone``."""
        if self.zone:
            return replace(self, clock=local(self.moment, zone), zone=zone)
        return replace(self, moment=in_utc(self.clock, zone), zone=zone)


def read_times(column: Any, data: Data, name: Callable[[int], str]) -> Times:
    """Return the times of ``column``, whose index numbers its rows; where most go back, from the last to the first.

    Raises DataError with the first one that is no time.
    """
    if len(column) < 2:
        raise DataError(f"{name(column.index[0] if len(column) else 0)}: a series needs at least two times")
    found = _read(column, data, name)
    if (np.diff(found.clock).astype(np.float64) < 0).mean() > 0.5:
        return read_times(column[::-1], data, name)
    return found.there(data.time_zone) if data.time_zone and found.are_dates else found


def form_of(column: Any, data: Data, name: Callable[[int], str]) -> str:
    """Return the format of the times of several series. Raises DataError with the first one that is no time."""
    return _read(column, data, name).form


def _read(column: Any, data: Data, name: Callable[[int], str]) -> Times:
    import pandas as pd

    numeric = pd.api.types.is_numeric_dtype(column)
    return _of_numbers(column, data, name) if numeric else _of_texts(column, data, name)


def _of_texts(column: Any, data: Data, name: Callable[[int], str]) -> Times:
    _refuse(column.isna().to_numpy(), column, name)
    bodies, zones = split_zones(column.astype(str).str.strip())
    clock, form = _parsed(bodies, column, data.time_format, name)
    return _beside(Times(column, form, clock, clock, "", name), zones.to_numpy())


def _of_numbers(column: Any, data: Data, name: Callable[[int], str]) -> Times:
    import pandas as pd

    numbers = column.to_numpy(np.float64)
    _refuse(~np.isfinite(numbers), column, name)
    form = data.time_format or _form_of(column, numbers)
    if form == NUMBER:
        return Times(column, form, numbers, numbers, "", name)
    if form in UNIX:
        whole = column.to_numpy() if column.dtype.kind == "i" else numbers
        moment = pd.to_datetime(whole, unit=form.removeprefix("unix_")).to_numpy().astype(MICROSECONDS)
        return Times(column, form, moment, moment, "UTC", name)
    clock, form = _parsed(column.map("{:.0f}".format), column, form, name)
    return Times(column, form, clock, clock, "", name)


def _form_of(column: Any, numbers: Array) -> str:
    """Return the format of dates that are whole numbers, a name in UNIX, or NUMBER."""
    if (numbers != np.round(numbers)).any():
        return NUMBER
    texts = column.map("{:.0f}".format)
    form = DIGITS.get(len(texts.iloc[0]))
    if form and (texts.str.len() == len(texts.iloc[0])).all() and local_times(texts, form).notna().all():
        return form
    low, high = UNIX_RANGE
    for name, number in UNIX.items():
        if low * number <= numbers.min() and numbers.max() < high * number:
            return name
    return NUMBER


def _parsed(texts: Any, column: Any, form: str | None, name: Callable[[int], str]) -> tuple[Array, str]:
    """Return the dates by their clock, and their format, found by all texts where ``form`` is None."""
    found = form
    try:
        found = found or date_format(texts)
    except DateFormatError as error:
        found = _in_order(texts, error.forms)
        if found is None and len(error.forms) > 1:
            which = f"say which by data.time_format: {' or '.join(map(repr, error.forms))}"
            raise DataError(f"{name(0)}: the times {column.name!r} are ambiguous: {error}; {which}") from error
        if found is None:
            like = f" in the format of the others, {error.forms[0]}" if error.forms else ""
            _refuse((texts == error.text).to_numpy(), column, name, f"{like}; data.time_format can say its format")
            raise
    dates = _clock(texts, found)
    _refuse(np.isnat(dates), column, name, f" in the format {found!r}, data.time_format")
    return dates, found


def _in_order(texts: Any, forms: Sequence[str]) -> str | None:
    """Return the only one of several formats by which times all go forward, or all back."""
    steps = {form: np.diff(_clock(texts, form)).astype(np.float64) for form in forms if len(forms) > 1}
    found = [form for form, step in steps.items() if (step >= 0).all() or (step <= 0).all()]
    return found[0] if len(found) == 1 else None


def _clock(texts: Any, form: str) -> Array:
    """Return the dates by their clock, NaT where a text is none; years of two digits are of the last 100 years.

    They go on through the turn of a century.
    """
    dates: Array = (
        local_times(texts, form.replace("%z", "").replace("%Z", "").strip()).to_numpy().astype(MICROSECONDS)
    )
    if "%y" not in form or np.isnat(dates).any():
        return dates
    years, months = dates.astype("datetime64[Y]").astype(int) + 1970, dates.astype("datetime64[M]")
    turns = np.diff(years, prepend=years[:1])
    years = years + 100 * np.cumsum((turns < -50).astype(int) - (turns > 50))
    century = 100 * max(-((date.today().year + MAX_YEARS_AHEAD - years.max()) // 100), 0)
    moved = (years - century - 1970) * 12 + months.astype(int) % 12
    found: Array = moved.astype("datetime64[M]").astype(MICROSECONDS) + (dates - months)
    return found


def _beside(found: Times, zones: Array) -> Times:
    """Return the times with the zones that are written beside them."""
    names = sorted(set(zones))
    if names == [""]:
        return found
    if "" in names:
        row = int(np.flatnonzero((zones == "") != (zones[0] == ""))[0])
        raise found.fault(row, "one time has a zone and another one none")
    if len(names) == 1 and seconds_ahead(names[0]) is None:
        return found.there(names[0])
    ahead = {name: seconds_ahead(name) for name in names}
    unknown = [name for name, seconds in ahead.items() if seconds is None]
    if unknown:
        raise DataError(f"{found.place(0)}: the times must have one zone, received {', '.join(names[:5])}")
    offsets = np.array([ahead[zone] for zone in zones], dtype="timedelta64[s]")
    return replace(found, moment=found.clock - offsets, zone=", ".join(names[:3]))


def _refuse(wrong: Array, column: Any, name: Callable[[int], str], why: str = "") -> None:
    rows = np.flatnonzero(wrong)
    if len(rows):
        rule = f"the time {column.name!r} must be a date or a number, not {column.iloc[rows[0]]!r}{why}"
        more = f" ({len(rows) - 1} more)" if len(rows) > 1 else ""
        raise DataError(f"{name(column.index[rows[0]])}: {rule}{more}")
