"""A Gaussian process over configurations and epochs, of the best values at the rungs.

The logarithm of the epoch is a coordinate beside the hyperparameters, so that short trainings tell of long ones
(Klein et al. 2020, "Model-based Asynchronous Hyperparameter and Neural Architecture Optimization").
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from search_spaces.numerics.gaussian_process import GaussianProcess, Prior, fitted, half_rank
from search_spaces.samplers.model.rung_values import Row, RungValues

MAX_OBSERVATIONS = 160
"""Largest number of observations that the model takes: its time grows with the third power."""
HEAD = 2 / 3
"""Share of them that are of the highest rungs, the best first; the rest is a random sample."""
MAX_FITTED = 64
"""Largest number of them from which its hyperparameters are found, anew at each question."""
NOISE = -6.0
"""Logarithm of the noise variance expected, beside a signal of variance 1."""


class CurveModel:
    """Model of the signed objective, learned from ``seen``, which must have a row, by draws of ``rng``."""

    def __init__(
        self, seen: RungValues, last_epoch: int, is_category: np.ndarray, rng: np.random.Generator
    ) -> None:
        self._last = last_epoch
        self._is_category = np.append(is_category, False)
        rows = _chosen(seen.rows, rng)
        self.tried = np.array([seen.places[number] for number in dict.fromkeys(row.number for row in rows)])
        """Coordinates (n, d) of the trials among the observations."""
        self.begun = self.tried[:0]
        """Coordinates (n, d) of the configurations that are training."""
        located = [[*seen.places[row.number], self._time(-row.order or self._last)] for row in rows]
        self._points = np.array(located)
        self._values = half_rank(np.array([row.value for row in rows]))
        few = _few(len(rows), rng)
        prior = Prior.of(self._points.shape[1], NOISE)
        self._theta = fitted(self._points[few], self._values[few], self._is_category, prior)
        if seen.running:
            self.begin(np.array([seen.places[number] for number in sorted(seen.running)[-MAX_OBSERVATIONS:]]))

    def begin(self, points: np.ndarray) -> None:
        """Take configurations (n, d) as training now: their value at the end is believed to be what is expected.

        So the next one is sought elsewhere, or where they tell nothing.
        """
        located = self._at_end(points)
        self.begun = np.concatenate([self.begun, points])
        self._values = np.append(self._values, self._posterior.mean(located))
        self._points = np.concatenate([self._points, located])
        del self._posterior

    def mean_at_end(self, points: np.ndarray) -> np.ndarray:
        """Return the mean (n,) of configurations (n, d) after the last epoch."""
        return self._posterior.mean(self._at_end(points))

    def at_end(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and standard deviation (n,) of configurations (n, d) after the last epoch."""
        return self._posterior.predict(self._at_end(points))

    def _at_end(self, points: np.ndarray) -> np.ndarray:
        return np.column_stack([points, np.full(len(points), self._time(self._last))])

    @cached_property
    def _posterior(self) -> GaussianProcess:
        return GaussianProcess.posterior(self._points, self._values, self._is_category, self._theta)

    def _time(self, epoch: int) -> float:
        """Return the coordinate of an epoch: 0 for the first one, 1 for the last."""
        return math.log(epoch) / math.log(self._last) if self._last > 1 else 1.0


def _chosen(rows: Sequence[Row], rng: np.random.Generator) -> list[Row]:
    num_head = int(HEAD * MAX_OBSERVATIONS)
    if len(rows) <= MAX_OBSERVATIONS:
        return list(rows)
    rest = rng.choice(len(rows) - num_head, MAX_OBSERVATIONS - num_head, replace=False, shuffle=False)
    return [*rows[:num_head], *(rows[num_head + place] for place in sorted(rest.tolist()))]


def _few(num: int, rng: np.random.Generator) -> np.ndarray:
    return np.arange(num) if num <= MAX_FITTED else np.sort(rng.choice(num, MAX_FITTED, replace=False))
