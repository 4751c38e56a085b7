"""Reads time series as windows and the values after them, split by time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from workloads.arrays import Array, Arrays, DataError
from workloads.data.raw import Ordered
from workloads.data.sources.series_steps import Steps, facts_of, read_steps
from workloads.data.splits import in_order
from workloads.data.statistics import Statistics

if TYPE_CHECKING:
    from search_spaces.spec.data import Data

MANY_TIMES = 3
"""A series is told whose standard deviation goes this many times or more into that of all."""
WINDOW = 36
"""Default number of steps in a window; one season or the horizon if that is longer."""


@dataclass(frozen=True)
class _Span:
    """The steps of one series in one split."""

    steps: Steps
    start: int
    """Position of the first step, counted over all series of the file."""
    firsts: Array
    """First steps of the windows that can be learned from."""


def series(data: Data) -> Ordered:
    """Read series as windows (window, 1 + inputs), with the ``horizon`` values that follow each as its target.

    No window and target cross the border of two splits. Raises DataError, which names the first line at fault.
    """
    assert data.series is not None
    all_steps = read_steps(data.series, data)
    interval = all_steps[0].interval
    season = interval.season if data.season is None else data.season
    window = data.window or max(WINDOW, season, data.horizon if data.inputs else 1)
    if season > window:
        ago = f"the naive forecast looks one season of {season} steps back"
        raise DataError(f"{ago}, but data.window is {window}: make it {season} or more, or data.season less")
    found = _split(all_steps, data, window)
    facts, notes = facts_of(all_steps, data), all_steps[0].notes
    if data.test is not None:
        own = _own(data.test, data, all_steps[0])
        notes = (*notes, *own[0].notes)
        found["test"] = _spans(own, [range(len(steps.values)) for steps in own], data, window)
        facts |= {f"test {name}": fact for name, fact in facts_of(own, data).items()}
    for name, spans in found.items():
        _check(Path(data.series).name, name, spans, window + data.horizon)
    parts = {name: _windows(spans, window, data.horizon) for name, spans in found.items()}
    several = len(found["test"]) > 1
    return Ordered(
        kind="series",
        problem="forecast",
        parts={
            name: replace(w.arrays, groups=w.times if several and name == "test" else None)
            for name, w in parts.items()
        },
        indices={name: w.index for name, w in parts.items()},
        statistics=_statistics([span.steps for span in found["train"]]),
        num_outputs=data.horizon,
        columns=(str(data.value), *data.inputs),
        season=season,
        num_series=len(all_steps),
        notes=(*notes, *_notes(found, window + data.horizon), *_unlike([span.steps for span in found["train"]])),
        details={"step": interval.name, "season": season, "window": window, "horizon": data.horizon, **facts},
    )


def _split(all_steps: Sequence[Steps], data: Data, window: int) -> dict[str, list[_Span]]:
    """Return the spans by split: shares of one series' steps, or of the times that several have in all."""
    with_test = data.test is None
    if len(all_steps) == 1:
        places = in_order(len(all_steps[0].values), data.split, with_test=with_test)
        return {name: _spans(all_steps, [place], data, window) for name, place in places.items()}
    moments = np.unique(np.concatenate([steps.moments[steps.moments == steps.moments] for steps in all_steps]))
    found = {}
    for name, place in in_order(len(moments), data.split, with_test=with_test).items():
        bounds = [
            (_position(steps, moments, place.start), _position(steps, moments, place.stop)) for steps in all_steps
        ]
        found[name] = _spans(all_steps, [range(*bound) for bound in bounds], data, window)
    return found


def _position(steps: Steps, moments: Array, number: int) -> int:
    """Return the first step that is not before a moment; behind the last one, the number of steps."""
    if number == len(moments):
        return len(steps.values)
    later = np.flatnonzero(steps.moments >= moments[number])
    return int(later[0]) if len(later) else len(steps.values)


def _spans(all_steps: Sequence[Steps], places: Sequence[range], data: Data, window: int) -> list[_Span]:
    starts = np.cumsum([0, *(len(steps.values) for steps in all_steps)])
    spans = []
    for steps, place, start in zip(all_steps, places, starts, strict=False):
        part = steps.span(place)
        spans.append(_Span(part, int(start) + place.start, _usable(part, window, data)))
    return spans


def _own(path: str, data: Data, like: Steps) -> list[Steps]:
    """Return the series in a further file. Raises DataError for one of another interval."""
    found = read_steps(path, data, like)
    if found[0].interval.season != like.interval.season:
        names = f"{like.interval.name}, received {found[0].interval.name}"
        raise DataError(f"{Path(path).name}: must have the step of {Path(str(data.series)).name}, {names}")
    return found


def _inputs(values: Array, horizon: int) -> Array:
    """Return what a model sees at each step: the value, and the further inputs of ``horizon`` steps later."""
    return np.column_stack([values[:-horizon, :1], values[horizon:, 1:]])


def _usable(span: Steps, window: int, data: Data) -> Array:
    """Return the first steps of windows that can be learned from: no input is missing, or unknown till later.

    A target is never a filled value. An interpolated input tells of the value after its gap, so that a window does
    not end in one.
    """
    ends = len(span.values) - window - data.horizon + 1
    if ends < 1:
        return np.arange(0)
    known = np.isfinite(_inputs(span.values, data.horizon)).all(1)
    whole = np.lib.stride_tricks.sliding_window_view(known, window).all(1)
    there = ~np.lib.stride_tricks.sliding_window_view(span.missing[window:], data.horizon).any(1)
    if data.gaps == "interpolate":
        there &= ~span.missing[window - 1 : window - 1 + ends]
    return np.flatnonzero(whole & there)


@dataclass(frozen=True)
class _Windows:
    """Windows in the order of time: with position and time (0, 1, ...) of each one's first target, both (windows,).

    ``arrays`` has x (windows, window, 1 + inputs), and the values after them as y.
    """

    arrays: Arrays
    index: Array
    times: Array


def _windows(spans: Sequence[_Span], window: int, horizon: int) -> _Windows:
    x, y, index, moments = [], [], [], []
    for span in spans:
        if len(span.firsts):
            seen = np.lib.stride_tricks.sliding_window_view(_inputs(span.steps.values, horizon), window, axis=0)
            ahead = np.lib.stride_tricks.sliding_window_view(span.steps.values[window:, 0], horizon)
            x.append(seen[span.firsts].swapaxes(1, 2))
            y.append(ahead[span.firsts])
            index.append(span.start + window + span.firsts)
            moments.append(span.steps.moments[window + span.firsts])
    when = np.concatenate(moments)
    order = np.argsort(when, kind="stable")
    arrays = Arrays(np.concatenate(x)[order], np.concatenate(y)[order])
    return _Windows(arrays, np.concatenate(index)[order], np.unique(when[order], return_inverse=True)[1])


def _statistics(train: Sequence[Steps]) -> Statistics:
    values = np.concatenate([steps.values[~steps.missing] for steps in train])
    mean, std = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
    return Statistics(np.zeros(len(mean)), mean, np.where(std > 0, std, 1.0))


def _notes(found: Mapping[str, Sequence[_Span]], needed: int) -> tuple[str, ...]:
    spans = [span for part in found.values() for span in part]
    left_out = sum(max(len(span.steps.values) - needed + 1, 0) - len(span.firsts) for span in spans)
    short = sum(0 < len(span.steps.values) < needed for span in spans)
    notes = []
    if left_out:
        missing = "as a value to forecast or to start from is missing in them"
        notes.append(f"{left_out} windows are left out, {missing}")
    if short:
        notes.append(f"{short} parts of series are left out, as they have fewer than {needed} steps")
    return tuple(notes)


def _unlike(train: Sequence[Steps]) -> tuple[str, ...]:
    """Return a note on a series whose values vary much less than those of all, which are standardised together."""
    known = {steps.name: steps.values[~steps.missing, 0] for steps in train}
    spreads = {name: float(values.std()) for name, values in known.items() if len(values) > 1}
    least = min(spreads, key=spreads.__getitem__, default="")
    shared = float(np.concatenate([*known.values()]).std())
    if len(spreads) < 2 or shared < MANY_TIMES * spreads[least]:
        return ()
    alone = f"their standard deviation is {shared:.4g}, and that of {least!r} alone {spreads[least]:.4g}"
    how = "such series are forecast less well (relative: true helps where series differ in size)"
    return (f"all {len(known)} series are standardised together: {alone}; {how}",)


def _check(file: str, name: str, spans: Sequence[_Span], needed: int) -> None:
    longest = max(len(span.steps.values) for span in spans)
    if longest < needed:
        raise DataError(f"the {name} part of {file} holds {longest} steps: window and horizon need {needed}")
    if not any(len(span.firsts) for span in spans):
        raise DataError(f"the {name} part of {file} has no {needed} steps without a gap: make data.window smaller")
    known = np.concatenate([span.steps.values[~span.steps.missing, 0] for span in spans])
    if known.min() == known.max():
        raise DataError(f"the {name} part of {file} holds one value only: {known[0]:g}")
