"""Reads a series as values at equal steps: doubled times are joined, and missing steps filled or left out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from workloads.arrays import Array, DataError
from workloads.data.sources.series_calendar import Calendar, Interval, calendar
from workloads.data.sources.series_times import NUMBER, Times, form_of, read_times
from workloads.data.sources.tables import read_file
from workloads.data.sources.tabular.place_of_row import line_numbers
from workloads.tables.columns import LARGEST
from workloads.tables.dates import ISO
from workloads.tables.number_words import NumberStyle

if TYPE_CHECKING:
    from search_spaces.spec.data import Data

FIRST_LINE = 2
"""Line of a file's first row of values where it has no rows, counted from 1: line 1 is the header."""
NUMBER_TIME = r"[-+]?(0|[1-9]\d*)([.,]\d*)?([eE][-+]?\d+)?"
MAX_WORDS = 5
"""Most words that a refusal says to write into ``data.missing``."""
MAX_STEPS_A_ROW = 20
"""Most steps for each row on average, so that a gap of a century takes no memory."""
WAYS: Final = {"gaps": "interpolate, carry or drop", "duplicates": "mean or last, or data.series_id"}
DONE: Final = {"interpolate": "interpolated", "carry": "carried forward", "drop": "left out"}


@dataclass(frozen=True)
class Steps:
    """A series at equal steps."""

    values: Array
    """The value and the further inputs of each step, float64 (steps, 1 + inputs); NaN where nothing fills a gap."""
    missing: Array
    """Whether a step has no value in the file."""
    moments: Array
    """Time of each step, a number or a datetime64 in UTC; NaN or NaT where the file has no row."""
    interval: Interval
    facts: Mapping[str, int | str]
    """How the file and the times are written, for the data card."""
    counts: Mapping[str, int]
    """Number of ``gaps`` in steps, of ``duplicates`` in rows, and of ``holidays``."""

    notes: tuple[str, ...] = ()
    """Sentences on rows of the file that are left out."""
    name: str = ""
    """What tells it from the other series of its file."""

    def span(self, place: range) -> Steps:
        """Return the steps from ``place.start`` to ``place.stop``."""
        part = slice(place.start, place.stop)
        return replace(self, values=self.values[part], missing=self.missing[part], moments=self.moments[part])


def read_steps(path: str, data: Data, like: Steps | None = None) -> list[Steps]:
    """Return the series in the file ``path``, several where ``data.series_id`` tells them apart.

    With ``like`` numbers are written as in the file of that series, where both are possible. Raises DataError,
    which names the first line at fault.
    """
    frame, facts, notes = _frame(path, data, {} if like is None else like.facts)
    name, line = Path(path).name, partial(_line, Path(path), data)
    if data.series_id is None:
        return [replace(_steps(frame, data, line, facts), notes=notes)]
    ids = frame[data.series_id]
    unnamed = np.flatnonzero(ids.isna())
    if len(unnamed):
        raise DataError(f"{line(int(unnamed[0]))}: the name of the series, {data.series_id!r}, is missing")
    data = data.model_copy(update={"time_format": form_of(frame[data.time], data, line)})
    groups = {str(key): rows for key, rows in frame.groupby(data.series_id, sort=False)}
    found = {key: replace(_steps(rows, data, line, facts), name=key, notes=notes) for key, rows in groups.items()}
    first, *others = found
    for other in others:
        if found[other].interval.season != found[first].interval.season:
            steps = f"{found[other].interval.name}, that of {first!r} {found[first].interval.name}"
            raise DataError(f"{name}: all series must have one step, but that of {other!r} is {steps}")
    return list(found.values())


def _steps(frame: Any, data: Data, line: Callable[[int], str], facts: Mapping[str, int | str]) -> Steps:
    times = read_times(frame[data.time], data, line)
    names = [data.value, *data.inputs]
    rows = np.column_stack([_numbers(frame[name].loc[times.written.index], times) for name in names])
    if data.gaps not in (None, "error"):  # a row without values is no step, as that of a stock's dividend
        there = ~np.isnan(rows).all(axis=1)
        times, rows = times.take(there), rows[there]
        if len(rows) < 2:
            raise DataError(f"{line(frame.index[0])}: a series needs at least two values")
    found = _calendar(times, rows, data)
    faults = [*_doubled(times, found, data), *_gaps(times, found, rows, data)]
    if faults:
        raise _refusal(times, faults)
    num_steps = int(found.positions[-1]) + 1
    if num_steps > MAX_STEPS_A_ROW * len(rows):
        row = int(np.argmax(np.diff(found.positions))) + 1
        there = f"{num_steps - len(rows)} steps are missing, and only {len(rows)} are there"
        raise times.fault(row, f"{there}: leave out the rows before or after the longest gap")
    gridded = np.column_stack([_on_grid(found.positions, column, num_steps, data) for column in rows.T])
    missing = np.isnan(gridded[:, 0])
    moments = np.full(num_steps, np.nan if times.form == NUMBER else "NaT", dtype=times.moment.dtype)
    moments[found.positions] = times.moment
    filled = np.column_stack([_filled(column, data) for column in gridded.T])
    num_doubled = int((np.diff(found.positions) == 0).sum())
    counts = {"gaps": int(missing.sum()), "duplicates": num_doubled, "holidays": found.num_holidays}
    return Steps(filled, missing, moments, found.interval, {**facts, **_told(times)}, counts)


def _calendar(times: Times, rows: Array, data: Data) -> Calendar:
    """Return the calendar of the times. Raises DataError, which says what to do about rows without a value."""
    try:
        return calendar(times, data)
    except DataError as error:
        num_empty = int(np.isnan(rows).all(axis=1).sum())
        if num_empty == 0:
            raise
        raise DataError(f"{error}; {num_empty} rows have no value: say data.gaps: {WAYS['gaps']}") from error


def _frame(
    path: str, data: Data, like: Mapping[str, int | str]
) -> tuple[Any, Mapping[str, int | str], tuple[str, ...]]:
    """Return the file as a DataFrame without empty rows at its end, facts about its form, and notes."""
    codes = {name: "category" for name in (data.time, data.series_id) if name}  # 0102 stays 0102
    styles = {}
    if "decimal" in like:
        styles = dict.fromkeys((str(data.value), *data.inputs), NumberStyle(str(like["decimal"])))
    file = read_file(path, data.model_copy(update={"columns": codes}), styles)
    filled = np.flatnonzero(file.frame.notna().any(axis=1))
    frame = file.frame.iloc[: filled[-1] + 1 if len(filled) else 0]
    for column in filter(None, (data.value, data.time, data.series_id, *data.inputs)):
        if column not in frame.columns:
            shown = ", ".join(map(str, frame.columns[:20]))
            raise DataError(f"{Path(path).name} has no column {column!r}; it has {shown}")
    frame = frame.assign(**{str(data.time): _as_numbers(frame[data.time])})
    return frame, file.details, tuple(f"{Path(path).name}: {note}" for note in file.notes)


def _as_numbers(times: Any) -> Any:
    """Return times as numbers, where all are numbers without leading zeros."""
    import pandas as pd

    there = times.dropna().astype(str)
    if pd.api.types.is_numeric_dtype(times) or not len(there) or not there.str.fullmatch(NUMBER_TIME).all():
        return times
    return pd.to_numeric(times.str.replace(",", "."))


def _line(path: Path, data: Data, row: int) -> str:
    """Return the name of a row, which counts from 0 below the header, by its line in the file."""
    numbers = line_numbers(path, data)
    return f"{path.name}:{numbers[row] if row < len(numbers) else row + FIRST_LINE}"


def _numbers(column: Any, times: Times) -> Array:
    """Return the values, NaN where a cell is empty. Raises DataError for others that are no finite numbers."""
    import pandas as pd

    values: Array = pd.to_numeric(column, errors="coerce").to_numpy(np.float64)
    wrong = np.flatnonzero(~(np.abs(values) <= LARGEST) & column.notna().to_numpy())
    if len(wrong):
        row = int(wrong[0])
        more = f" ({len(wrong) - 1} more)" if len(wrong) > 1 else ""
        what = f"the value {column.name!r} at {times.written.iloc[row]} is no finite number: {column.iloc[row]!r}"
        raise DataError(f"{times.place(row)}: {what}{more}; {_way_out(column, wrong)}")
    return values


def _way_out(column: Any, wrong: Array) -> str:
    words = sorted({str(word) for word in column.iloc[wrong]})
    if 2 * len(wrong) > column.notna().sum():
        return f"name a column of numbers, or write one of 0 and 1 for each of its {len(words)} words"
    said = json.dumps(words[:MAX_WORDS], ensure_ascii=False)
    return f"say data.missing: {{{column.name}: {said}}} if that means that there is none"


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


def _gaps(times: Times, found: Calendar, rows: Array, data: Data) -> Iterator[_Fault]:
    if data.gaps not in (None, "error"):
        return
    counts = np.diff(found.positions)
    for row in np.flatnonzero(counts > 1) + 1:
        what = f"{counts[row - 1] - 1} x {found.interval.name} missing ({times.pair(int(row))})"
        yield _Fault(int(row), what, "gaps")
    for name, column in zip([data.value, *data.inputs], rows.T, strict=True):
        for row in np.flatnonzero(np.isnan(column)):
            yield _Fault(int(row), f"the value {name!r} at {times.written.iloc[row]} is missing", "gaps")


def _refusal(times: Times, faults: list[_Fault]) -> DataError:
    first = min(faults, key=lambda fault: fault.row)
    ways = " and ".join(f"data.{key}: {WAYS[key]}" for key in sorted({fault.key for fault in faults}))
    more = f", and {len(faults) - 1} more such places" if len(faults) > 1 else ""
    return DataError(f"{times.place(first.row)}: {first.what}{more}; say {ways}")


def _on_grid(positions: Array, column: Array, num_steps: int, data: Data) -> Array:
    """Return the value of each step, NaN where it is missing."""
    found = np.full(num_steps, np.nan)
    there = ~np.isnan(column)
    if data.duplicates == "mean":
        sums, counts = (np.bincount(positions[there], weights, num_steps) for weights in (column[there], None))
        np.divide(sums, counts, out=found, where=counts > 0)
    else:
        found[positions[there]] = column[there]
    return found


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


def _told(times: Times) -> dict[str, str]:
    facts = {} if times.form in (NUMBER, ISO) else {"time_format": times.form}
    facts |= {"time_zone": times.zone} if times.zone else {}
    return facts | (
        {"order": "newest first in the file"} if times.written.index[0] > times.written.index[-1] else {}
    )


def facts_of(all_steps: Sequence[Steps], data: Data) -> dict[str, int | str]:
    """Return what the data card tells of the series: how they are written, and what was done how often."""
    facts: dict[str, int | str] = {} if data.series_id is None else {"series": len(all_steps)}
    for steps in all_steps:
        facts |= steps.facts
    done = {
        "gaps": f"steps {DONE.get(str(data.gaps))}",
        "duplicates": f"rows joined by {data.duplicates}",
        "holidays": "weekdays without a row",
    }
    numbers = {name: sum(steps.counts[name] for steps in all_steps) for name in done}
    return facts | {name: f"{number} {done[name]}" for name, number in numbers.items() if number}
