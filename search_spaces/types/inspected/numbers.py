"""Records of an inspection of predicted numbers: their errors, and forecasts in time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from search_spaces.types.inspected.classes import Histogram


@dataclass(frozen=True, kw_only=True)
class Errors:
    """Errors (prediction - truth) of all test examples in the target's units."""

    histogram: Histogram
    quantiles: Mapping[str, float]
    """Quantiles of the error by their share in percent, such as ``5``."""
    absolute: Mapping[str, float]
    """Quantiles of the absolute error."""
    covered: float | None = None
    """Share of the examples whose true value is at most the predicted one."""
    num_targets: int = 1
    """Numbers that are predicted for each example; these are the errors of the first one."""


@dataclass(frozen=True, kw_only=True)
class Forecasts:
    """Forecasts of validation windows that follow each other, and errors by steps ahead on the test split."""

    truth: Sequence[float]
    forecast: Sequence[float]
    """Of the same steps: each from the newest window in which it is at most the horizon ahead."""
    naive: Sequence[float]
    """Values of one season ago."""
    season: int
    rmse: Sequence[float]
    """Root mean squared error by steps ahead, from 1, over all test windows."""
    naive_rmse: Sequence[float]


@dataclass(frozen=True, kw_only=True)
class Score:
    """A metric of the test split: mean over the champion's seeds, with its 95 % interval, if there is one."""

    metric: str
    mean: float
    low: float | None = None
    high: float | None = None
    seeds: int = 1
