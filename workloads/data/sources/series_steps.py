"""Reads a series as values at equal steps: doubled times are joined, and missing steps filled or left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from workloads.arrays import Array, DataError
from workloads.data.sources.series_calendar import Calendar, Interval, calendar
from workloads.data.sources.series_times import NUMBER, Times, read_times
from workloads.tables.dates import ISO

if TYPE_CHECKING:
    from search_spaces.spec.data import Data

FIRST_LINE = 2
"""Line of a CSV file's first row of values, counted from 1: line 1 is the header."""
MAX_STEPS_A_ROW = 20
"""Most steps for each row on average, so that a gap of a century takes no memory."""
WAYS: Final = {"gaps": "interpolate, carry or drop", "duplicates": "mean or last"}
DONE: Final = {"interpolate": "interpolated", "carry": "carried forward", "drop": "left out"}


@dataclass(frozen=True)
class Steps:
    """A series at equal steps."""

    values: Array
    """Value of each step, float64; NaN where nothing can fill a missing one."""
    missing: Array
    """Whether a step has no value in the file."""
    interval: Interval
    facts: Mapping[str, str]
    """What was found and done, for the data card."""

    def span(self, place: range) -> Steps:
        """Return the steps from ``place.start`` to ``place.stop``."""
        part = slice(place.start, place.stop)
        return replace(self, values=self.values[part], missing=self.missing[part])


def read_steps(path: str, data: Data) -> Steps:
    """Return the series in the file ``path``. Raises DataError, which names the first line at fault."""
    name = Path(path).name
    frame = _frame(path, data)
    times = read_times(frame[data.time], data, lambda row: f"{name}:{row + FIRST_LINE}")
    values = _numbers(frame[data.value].loc[times.written.index], times)
    found = calendar(times, data)
    faults = [*_doubled(times, found, data), *_gaps(times, found, values, data)]
    if faults:
        raise _refusal(times, faults)
    gridded, missing = _on_grid(found.positions, values, data, name)
    facts = {**_told(times, found), **_counted(found, missing, data)}
    return Steps(_filled(gridded, data), missing, found.interval, facts)


def _frame(path: str, data: Data) -> Any:
    """Return the file as a DataFrame without blank lines at its end."""
    import pandas as pd

    try:
        frame = pd.read_csv(path, skipinitialspace=True, skip_blank_lines=False)
    except (OSError, ValueError, pd.errors.ParserError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    filled = np.flatnonzero(frame.notna().any(axis=1))
    frame = frame.iloc[: filled[-1] + 1 if len(filled) else 0]
    for column in (data.value, data.time):
        if column not in frame.columns:
            shown = ", ".join(map(str, frame.columns[:20]))
            raise DataError(f"{Path(path).name} has no column {column!r}; it has {shown}")
    return frame


def _numbers(column: Any, times: Times) -> Array:
    """Return the values, NaN where a cell is empty. Raises DataError for others that are no finite numbers."""
    import pandas as pd

    values: Array = pd.to_numeric(column, errors="coerce").to_numpy(np.float64)
    wrong = np.flatnonzero(~np.isfinite(values) & column.notna().to_numpy())
    if len(wrong):
        row = int(wrong[0])
        more = f" ({len(wrong) - 1} more)" if len(wrong) > 1 else ""
        what = f"the value {column.name!r} at {times.written.iloc[row]} is no finite number: {column.iloc[row]!r}"
        raise DataError(f"{times.place(row)}: {what}{more}")
    return values


@dataclass(frozen=True)
class _Fault:
    """A step that is missing or there twice."""

    row: int
    what: str
    key: str
    """The key of the spec that says what to do about it."""


def _doubled(times: Times, found: Calendar, data: Data) -> Iterator[_Fault]:
    if data.duplicates in (None, "error"):
        for row in np.flatnonzero(np.diff(found.positions) == 0) + 1:
            yield _Fault(int(row), f"the time stands twice ({times.pair(int(row))})", "duplicates")


def _gaps(times: Times, found: Calendar, values: Array, data: Data) -> Iterator[_Fault]:
    if data.gaps not in (None, "error"):
        return
    counts = np.diff(found.positions)
    for row in np.flatnonzero(counts > 1) + 1:
        what = f"{counts[row - 1] - 1} x {found.interval.name} missing ({times.pair(int(row))})"
        yield _Fault(int(row), what, "gaps")
    for row in np.flatnonzero(np.isnan(values)):
        yield _Fault(int(row), f"the value {data.value!r} at {times.written.iloc[row]} is missing", "gaps")


def _refusal(times: Times, faults: list[_Fault]) -> DataError:
    first = min(faults, key=lambda fault: fault.row)
    ways = " and ".join(f"data.{key}: {WAYS[key]}" for key in sorted({fault.key for fault in faults}))
    more = f", and {len(faults) - 1} more such places" if len(faults) > 1 else ""
    return DataError(f"{times.place(first.row)}: {first.what}{more}; say {ways}")


def _on_grid(positions: Array, values: Array, data: Data, name: str) -> tuple[Array, Array]:
    """Return the value of each step, NaN where it is missing, and where that is."""
    num_steps = int(positions[-1]) + 1
    if num_steps > MAX_STEPS_A_ROW * len(values):
        raise DataError(f"{name}: {num_steps - len(values)} steps are missing, and only {len(values)} are there")
    gridded = np.full(num_steps, np.nan)
    there = ~np.isnan(values)
    if data.duplicates == "mean":
        sums, counts = (np.bincount(positions[there], weights, num_steps) for weights in (values[there], None))
        np.divide(sums, counts, out=gridded, where=counts > 0)
    else:
        gridded[positions[there]] = values[there]
    return gridded, np.isnan(gridded)


def _filled(values: Array, data: Data) -> Array:
    """Return the values with missing ones filled as ``data.gaps`` says."""
    there = np.flatnonzero(~np.isnan(values))
    if data.gaps not in ("interpolate", "carry") or len(there) == 0:
        return values
    steps = np.arange(len(values))
    if data.gaps == "interpolate":
        return np.interp(steps, there, values[there])
    last = np.searchsorted(there, steps, side="right") - 1
    return np.where(last >= 0, values[there[np.maximum(last, 0)]], np.nan)


def _told(times: Times, found: Calendar) -> dict[str, str]:
    facts = {} if times.form in (NUMBER, ISO) else {"time_format": times.form}
    facts |= {"time_zone": times.zone} if times.zone else {}
    facts |= {"order": "newest first in the file"} if times.written.index[0] > times.written.index[-1] else {}
    return facts | ({"holidays": f"{found.num_holidays} weekdays without a row"} if found.num_holidays else {})


def _counted(found: Calendar, missing: Array, data: Data) -> dict[str, str]:
    num_doubled = int((np.diff(found.positions) == 0).sum())
    facts = {"gaps": f"{missing.sum()} steps {DONE[str(data.gaps)]}"} if missing.any() else {}
    return facts | ({"duplicates": f"{num_doubled} rows joined by {data.duplicates}"} if num_doubled else {})
