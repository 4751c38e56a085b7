"""Forecasts: drawn in time over the validation split, and their errors by steps ahead on the test split."""

from __future__ import annotations

from typing import Any

import numpy as np

from search_spaces.types.inspected.numbers import Forecasts
from workloads.arrays import Array
from workloads.champion.looks.seen import Seen

MAX_STEPS = 300
"""Steps that are drawn."""
MAX_SERIES = 500
"""Windows among which the next one of the same series is looked for: one of each series follows in time."""


def forecasts(seen: Seen) -> dict[str, Any]:
    """Return forecast and seasonal-naive forecast beside the truth, and the errors by steps ahead."""
    shape, x, y = seen.winner.setup.data.shape, seen.val.x[..., 0], seen.val.y
    windows = apart(x, y.shape[1])
    error = seen.of_val["error"][windows] * shape.target_std
    naive = seen.of_val["naive"][windows] * shape.target_std
    truth = y[windows]
    of_test = {name: _rmse(seen.of_test[name]) * shape.target_std for name in ("error", "naive")}
    found = Forecasts(
        truth=truth.ravel().tolist(),
        forecast=(truth + error).ravel().tolist(),
        naive=(truth + naive).ravel().tolist(),
        season=shape.season,
        rmse=of_test["error"].tolist(),
        naive_rmse=of_test["naive"].tolist(),
    )
    return {"forecasts": found}


def _rmse(error: Array) -> Array:
    found: Array = np.sqrt(np.square(error).mean(0))
    return found


def apart(x: Array, horizon: int) -> list[int]:
    """Return the places of windows ``x`` (windows, steps) whose targets follow each other, up to MAX_STEPS.

    Windows of several series stand in the order of time: the next window of a series is the first later one that
    begins with all but the first of its values.
    """
    place, places = 0, [0]
    while len(places) * horizon < MAX_STEPS:
        for _ in range(horizon):
            later = x[place + 1 : place + 1 + MAX_SERIES]
            same = np.flatnonzero((later[:, :-1] == x[place, 1:]).all(1))
            if not len(same):
                return places
            place += 1 + int(same[0])
        places.append(place)
    return places
