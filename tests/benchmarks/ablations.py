"""Parts of the sampler ``auto`` taken out or replaced, one at a time, to see what each of them is worth.

``auto~PART/SCHEDULE`` is the name of a method without that part, in the benchmarks of tables and of curves.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import numpy as np
from scipy.special import ndtri
from scipy.stats import rankdata

from search_spaces.numerics.gaussian_process import HUGE, log_expected_improvement
from search_spaces.samplers.model import curve_model, model_sampler, outlook
from search_spaces.samplers.model.rung_values import Row
from search_spaces.samplers.points import Points


def _random_start(points: Points, place: int) -> np.ndarray:
    return points.uniform(np.random.default_rng([points._seed, place, 7]), 1)


def _plain_scores(values: np.ndarray) -> np.ndarray:
    finite = np.isfinite(values)
    worst = values[finite].max() if finite.any() else 0.0
    known = np.clip(np.where(finite, values, worst), -HUGE, HUGE)
    return np.asarray((known - known.mean()) / (known.std() or 1.0))


def _all_ranks(values: np.ndarray) -> np.ndarray:
    return np.asarray(ndtri((rankdata(values) - 0.5) / len(values)))


def _plain_improvement(mean: np.ndarray, spread: np.ndarray, best: float) -> np.ndarray:
    return np.asarray(np.exp(log_expected_improvement(mean, spread, best)))


def _any_rows(rows: list[Row], rng: np.random.Generator) -> list[Row]:
    most = curve_model.MAX_OBSERVATIONS
    return rows if len(rows) <= most else [rows[i] for i in rng.choice(len(rows), most, replace=False)]


PARTS: dict[str, tuple[Any, str, Any]] = {
    "sobol": (Points, "sobol", _random_start),
    "half-rank": (curve_model, "half_rank", _plain_scores),
    "half-rank-all": (curve_model, "half_rank", _all_ranks),
    "log-improvement": (outlook, "log_expected_improvement", _plain_improvement),
    "running": (curve_model.CurveModel, "begin", lambda model, points: None),
    "epochs": (curve_model.CurveModel, "_time", lambda model, epoch: 1.0),
    "climbing": (model_sampler, "NUM_CLIMB", 1),
    "best-rows": (curve_model, "_chosen", _any_rows),
    "160-rows-80": (curve_model, "MAX_OBSERVATIONS", 80),
    "160-rows-320": (curve_model, "MAX_OBSERVATIONS", 320),
    "64-fitted-160": (curve_model, "MAX_FITTED", 160),
}
"""What replaces each part: an owner, its attribute and the value instead."""


@contextlib.contextmanager
def without(name: str) -> Iterator[str]:
    """Take the part that a method's name has after ``~`` out, and yield the name without it."""
    sampler, _, schedule = name.partition("/")
    base, _, part = sampler.partition("~")
    if not part:
        yield name
        return
    with patch.object(*PARTS[part]):
        yield f"{base}/{schedule}"
