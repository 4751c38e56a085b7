"""Reads a time series as windows and the values after them, split by time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workloads.arrays import Array, Arrays, DataError
from workloads.data.raw import Ordered
from workloads.data.sources.series_times import Interval, pace
from workloads.data.splits import in_order
from workloads.data.statistics import Statistics

if TYPE_CHECKING:
    from search_spaces.spec.data import Data

WINDOW = 36
"""Default number of steps in a window; one season if that is longer."""
FIRST_LINE = 2
"""Line of a CSV file's first row of values, counted from 1: line 1 is the header."""


def series(data: Data) -> Ordered:
    """Read a series as windows (window, 1), with the ``horizon`` values that follow each as its target.

    No window and target cross the border of two splits. Raises DataError, which names the first line at fault.
    """
    assert data.series is not None
    values, found = read_series(data.series, data)
    season = found.season if data.season is None else data.season
    window = data.window or max(WINDOW, season)
    if season > window:
        ago = f"the naive forecast looks one season of {season} steps back"
        raise DataError(f"{ago}, but data.window is {window}: make it {season} or more, or data.season less")
    places = in_order(len(values), data.split, with_test=data.test is None)
    spans = {name: values[place.start : place.stop] for name, place in places.items()}
    if data.test is not None:
        spans["test"], places["test"] = read_series(data.test, data)[0], range(0)
    for name, span in spans.items():
        _check(Path(data.series).name, name, span, window + data.horizon)
    parts = {name: windows(span, window, data.horizon) for name, span in spans.items()}
    return Ordered(
        kind="series",
        problem="forecast",
        parts=parts,
        indices={name: places[name].start + window + np.arange(len(part)) for name, part in parts.items()},
        statistics=Statistics(np.zeros(1), spans["train"].mean(keepdims=True), spans["train"].std(keepdims=True)),
        num_outputs=data.horizon,
        columns=(str(data.value),),
        season=season,
        details={"step": found.name, "season": season, "window": window, "horizon": data.horizon},
    )


def windows(values: Array, window: int, horizon: int) -> Arrays:
    """Return every window with ``horizon`` values after it: x (windows, window, 1), y (windows, horizon)."""
    x = np.lib.stride_tricks.sliding_window_view(values[:-horizon], window)
    y = np.lib.stride_tricks.sliding_window_view(values[window:], horizon)
    return Arrays(x[..., None].copy(), y.copy())


def read_series(path: str, data: Data) -> tuple[Array, Interval]:
    """Return the values, float64, and the interval of their times. Raises DataError, naming the first bad line."""
    import pandas as pd

    name = Path(path).name
    try:
        frame = pd.read_csv(path, skipinitialspace=True, skip_blank_lines=False)
    except (OSError, ValueError, pd.errors.ParserError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    filled = np.flatnonzero(frame.notna().any(axis=1))
    frame = frame.iloc[: filled[-1] + 1 if len(filled) else 0]
    for column in (data.value, data.time):
        if column not in frame.columns:
            raise DataError(f"{name} has no column {column!r}; it has {', '.join(map(str, frame.columns[:20]))}")
    found = pace(frame[data.time], lambda row: f"{name}:{row + FIRST_LINE}")
    return _numbers(frame[data.value], frame[data.time], name), found


def _numbers(column: Any, times: Any, name: str) -> Array:
    import pandas as pd

    values: Array = pd.to_numeric(column, errors="coerce").to_numpy(np.float64)
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        row, cell = wrong[0], column.iloc[wrong[0]]
        what = "is missing" if pd.isna(cell) else f"is no finite number: {cell!r}"
        raise DataError(f"{name}:{row + FIRST_LINE}: the value {column.name!r} at {times.iloc[row]} {what}")
    return values


def _check(file: str, name: str, span: Array, needed: int) -> None:
    if len(span) < needed:
        raise DataError(f"the {name} part of {file} holds {len(span)} steps: window and horizon need {needed}")
    if span.min() == span.max():
        raise DataError(f"the {name} part of {file} holds one value only: {span[0]:g}")
