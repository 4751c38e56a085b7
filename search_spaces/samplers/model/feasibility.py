"""The probability that a configuration keeps the constraints, by Gaussian processes on the constraints' values.

Gardner et al. 2014, "Bayesian Optimization with Inequality Constraints": the expected improvement is multiplied by
it. How far a constraint is broken, or kept, is warped by ``bilog`` (Eriksson and Poloczek 2021, "Scalable
Constrained Bayesian Optimization", section 3.1), as only the place of 0 matters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import log_ndtr

from search_spaces.numerics.gaussian_process import GaussianProcess, Prior, fitted

MAX_OBSERVATIONS, MAX_FITTED = 160, 64
"""Largest number of trials that a process takes, and that its hyperparameters are fitted to."""
NOISE = -6.0
"""Logarithm of the noise variance expected, beside a signal of variance 1."""


class _Constraint(NamedTuple):
    model: GaussianProcess
    bound: float
    """Where 0 is among the model's values."""


class Feasibility:
    """Model of the constraints, of places (n, d) and of the excess of each there: above 0 it is broken."""

    def __init__(
        self,
        places: np.ndarray,
        excess: Sequence[Mapping[str, float]],
        is_category: np.ndarray,
        rng: np.random.Generator,
    ) -> None:
        self._constraints = []
        for name in sorted({name for one in excess for name in one}):
            there = [i for i, one in enumerate(excess) if name in one]
            if len(there) > MAX_OBSERVATIONS:
                there = sorted(rng.choice(there, MAX_OBSERVATIONS, replace=False).tolist())
            points = places[there]
            values = np.array([excess[i][name] for i in there])
            if (values > 0).any():
                self._constraints.append(_fitted(points, values, is_category, rng))

    def log_probability(self, points: np.ndarray) -> np.ndarray:
        """Return the logarithm of the probability (m,) that points (m, d) keep all constraints."""
        found = np.zeros(len(points))
        for one in self._constraints:
            mean, spread = one.model.predict(points)
            found += log_ndtr((one.bound - mean) / spread)
        return found


def _fitted(
    points: np.ndarray, values: np.ndarray, is_category: np.ndarray, rng: np.random.Generator
) -> _Constraint:
    scale = float(np.median(np.abs(values))) or 1.0
    warped = np.sign(values) * np.log1p(np.abs(values) / scale)
    centre, spread = float(warped.mean()), float(warped.std()) or 1.0
    standard = (warped - centre) / spread
    few = np.arange(len(values))
    if len(few) > MAX_FITTED:
        few = np.sort(rng.choice(few, MAX_FITTED, replace=False))
    theta = fitted(points[few], standard[few], is_category, Prior.of(points.shape[1], NOISE))
    return _Constraint(GaussianProcess.posterior(points, standard, is_category, theta), -centre / spread)
