"""Reads a time series as windows and the values after them, split by time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from workloads.arrays import Array, Arrays, DataError
from workloads.data.raw import Ordered
from workloads.data.sources.series_steps import Steps, read_steps
from workloads.data.splits import in_order
from workloads.data.statistics import Statistics

if TYPE_CHECKING:
    from search_spaces.spec.data import Data

WINDOW = 36
"""Default number of steps in a window; one season if that is longer."""


def series(data: Data) -> Ordered:
    """Read a series as windows (window, 1), with the ``horizon`` values that follow each as its target.

    No window and target cross the border of two splits. Raises DataError, which names the first line at fault.
    """
    assert data.series is not None
    steps = read_steps(data.series, data)
    season = steps.interval.season if data.season is None else data.season
    window = data.window or max(WINDOW, season)
    if season > window:
        ago = f"the naive forecast looks one season of {season} steps back"
        raise DataError(f"{ago}, but data.window is {window}: make it {season} or more, or data.season less")
    places = in_order(len(steps.values), data.split, with_test=data.test is None)
    spans = {name: steps.span(place) for name, place in places.items()}
    facts = dict(steps.facts)
    if data.test is not None:
        spans["test"], places["test"] = _own(data.test, data, steps), range(0)
        facts |= {f"test {name}": fact for name, fact in spans["test"].facts.items()}
    firsts = {}
    for name, span in spans.items():
        firsts[name] = _usable(span, window, data)
        _check(Path(data.series).name, name, span, firsts[name], window + data.horizon)
    parts = {name: _windows(span.values, firsts[name], window, data.horizon) for name, span in spans.items()}
    return Ordered(
        kind="series",
        problem="forecast",
        parts=parts,
        indices={name: places[name].start + window + firsts[name] for name in parts},
        statistics=_statistics(spans["train"]),
        num_outputs=data.horizon,
        columns=(str(data.value),),
        season=season,
        notes=_notes(spans, firsts, window + data.horizon),
        details={
            "step": steps.interval.name,
            "season": season,
            "window": window,
            "horizon": data.horizon,
            **facts,
        },
    )


def _own(path: str, data: Data, like: Steps) -> Steps:
    """Return the series in a further file. Raises DataError for one of another interval."""
    found = read_steps(path, data)
    if found.interval.season != like.interval.season:
        names = f"{like.interval.name}, received {found.interval.name}"
        raise DataError(f"{Path(path).name}: must have the step of {Path(str(data.series)).name}, {names}")
    return found


def _usable(span: Steps, window: int, data: Data) -> Array:
    """Return the first steps of windows that can be learned from: no input is missing, or unknown till later.

    A target is never a filled value. An interpolated input tells of the value after its gap, so that a window does
    not end in one.
    """
    ends = len(span.values) - window - data.horizon + 1
    if ends < 1:
        return np.arange(0)
    whole = np.lib.stride_tricks.sliding_window_view(np.isfinite(span.values[: -data.horizon]), window).all(1)
    there = ~np.lib.stride_tricks.sliding_window_view(span.missing[window:], data.horizon).any(1)
    if data.gaps == "interpolate":
        there &= ~span.missing[window - 1 : window - 1 + ends]
    return np.flatnonzero(whole & there)


def _windows(values: Array, firsts: Array, window: int, horizon: int) -> Arrays:
    """Return the windows from the steps ``firsts`` on, x (windows, window, 1), and the values after them as y."""
    x = np.lib.stride_tricks.sliding_window_view(values[:-horizon], window)[firsts]
    y = np.lib.stride_tricks.sliding_window_view(values[window:], horizon)[firsts]
    return Arrays(x[..., None].copy(), y.copy())


def _statistics(train: Steps) -> Statistics:
    known = train.values[~train.missing]
    return Statistics(np.zeros(1), known.mean(keepdims=True), known.std(keepdims=True))


def _notes(spans: dict[str, Steps], firsts: dict[str, Array], needed: int) -> tuple[str, ...]:
    left_out = sum(len(span.values) - needed + 1 - len(firsts[name]) for name, span in spans.items())
    if not left_out:
        return ()
    return (f"{left_out} windows are left out, as a value to forecast or to start from is missing in them",)


def _check(file: str, name: str, span: Steps, firsts: Array, needed: int) -> None:
    if len(span.values) < needed:
        raise DataError(
            f"the {name} part of {file} holds {len(span.values)} steps: window and horizon need {needed}"
        )
    if len(firsts) == 0:
        raise DataError(f"the {name} part of {file} has no {needed} steps without a gap: make data.window smaller")
    known = span.values[~span.missing]
    if known.min() == known.max():
        raise DataError(f"the {name} part of {file} holds one value only: {known[0]:g}")
