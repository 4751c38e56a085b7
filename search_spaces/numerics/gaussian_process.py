"""An exact Gaussian process for a few hundred observations, in NumPy and SciPy.

Kernel: Matern 5/2 with one length scale a coordinate (Rasmussen and Williams 2006, section 4.2.1 and equation 5.2),
categories at distance 0 or 1. Length scales, signal and noise are the maximum a posteriori, found by L-BFGS with
analytic gradients (section 5.4.1); the prior of the length scales grows with the number of coordinates (after
Hvarfner et al. 2024, "Vanilla Bayesian Optimization Performs Great in High Dimensions", with shorter scales).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.linalg.lapack import dpotrf, dpotri, dpotrs
from scipy.optimize import minimize
from scipy.special import erfcx, ndtr, ndtri
from scipy.stats import rankdata

Array = np.ndarray
JITTER = 1e-6
"""Noise variance that there is at least, so that the covariance can be decomposed."""
HUGE = 1e100
"""Largest absolute value that is told from others: squares of larger ones overflow."""
FAR_OUT = 1000.0
"""Distance from the best value, in ranges of the best tenth, from which on a value is as bad as any."""
_SQRT5 = math.sqrt(5)
_FAR = 8.0
"""Bound of the logarithms of inverse squared length scales."""


@dataclass(frozen=True)
class Prior:
    """Normal prior of the logarithms of the inverse squared length scales, the signal and the noise variance."""

    mean: Array
    spread: Array

    @classmethod
    def of(cls, num_coordinates: int, noise: float, noise_spread: float = 1.5) -> Prior:
        """Return the prior for so many coordinates, with ``noise`` the logarithm of the variance expected."""
        length = math.sqrt(2) + 0.5 * math.log(num_coordinates)
        scales = np.full(num_coordinates, 2.0 - 2 * length)
        spread = np.full(num_coordinates, 1.5 * math.sqrt(3))
        return cls(np.append(scales, [0.0, noise]), np.append(spread, [1.0, noise_spread]))


@dataclass(frozen=True)
class GaussianProcess:
    """Posterior at points (n, d) with values (n,) of mean about 0 and spread about 1.

    ``is_category`` (d,) tells which coordinates are codes of categories; the others lie in [0, 1].
    """

    points: Array
    is_category: Array
    theta: Array
    factor: Array
    weights: Array

    @classmethod
    def posterior(cls, points: Array, values: Array, is_category: Array, theta: Array) -> GaussianProcess:
        """Return the posterior for given hyperparameters ``theta`` (d + 2,)."""
        covariance = _covariance(_distances(points, points, is_category, theta), theta)
        covariance[np.diag_indices_from(covariance)] += math.exp(theta[-1]) + JITTER
        factor = cholesky(covariance, lower=True)
        return cls(points, is_category, theta, factor, cho_solve((factor, True), values))

    def predict(self, points: Array) -> tuple[Array, Array]:
        """Return mean (m,) and standard deviation (m,) of the noise-free value at ``points`` (m, d)."""
        cross = self._cross(points)
        explained = solve_triangular(self.factor, cross.T, lower=True, check_finite=False)
        variance = math.exp(self.theta[-2]) - np.einsum("ij,ij->j", explained, explained)
        return cross @ self.weights, np.sqrt(np.maximum(variance, 1e-12))

    def mean(self, points: Array) -> Array:
        """Return the mean (m,) alone, in half of the time."""
        return np.asarray(self._cross(points) @ self.weights)

    def _cross(self, points: Array) -> Array:
        return _covariance(_distances(points, self.points, self.is_category, self.theta), self.theta)


def fitted(points: Array, values: Array, is_category: Array, prior: Prior, num_steps: int = 20) -> Array:
    """Return the hyperparameters (d + 2,) with the largest posterior density that L-BFGS finds in ``num_steps``."""
    pairs = _Pairs.of(points, is_category)
    start = prior.mean + np.append(np.ones(points.shape[1]), [0.0, 0.0])
    bounds = [(-12, _FAR)] * points.shape[1] + [(-4, 4), (-14, 2)]
    found = minimize(
        _loss,
        start,
        args=(pairs, values, prior),
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": num_steps},
    )
    return np.asarray(found.x)


class _Pairs(NamedTuple):
    """Pairs of different points."""

    rows: Array
    columns: Array
    differences: Array
    """Squared differences by coordinate (d, pairs), 0 or 1 for categories."""

    @classmethod
    def of(cls, points: Array, is_category: Array) -> _Pairs:
        rows, columns = np.tril_indices(len(points), -1)
        apart = (points[rows] - points[columns]).T
        return cls(rows, columns, np.where(is_category[:, None], apart != 0, apart * apart))


def _loss(theta: Array, pairs: _Pairs, values: Array, prior: Prior) -> tuple[float, Array]:
    """Return the negative logarithm of the posterior density, and its gradient."""
    rows, columns, differences = pairs
    scales, signal, noise = np.exp(theta[:-2]), math.exp(theta[-2]), math.exp(theta[-1])
    kernel, slope = _kernel(scales @ differences, theta)
    covariance = np.diag(np.full(len(values), signal + noise + JITTER))
    covariance[rows, columns] = kernel
    # LAPACK by itself: SciPy's checks of such small matrices take as long as their decomposition.
    factor, failed = dpotrf(covariance, lower=True)
    if failed:
        return 1e10, np.zeros_like(theta)
    weights, inverse = dpotrs(factor, values, lower=True)[0], dpotri(factor, lower=True)[0]
    away = (theta - prior.mean) / prior.spread
    loss = 0.5 * values @ weights + np.log(np.diag(factor)).sum() + 0.5 * away @ away
    apart = inverse[rows, columns] - weights[rows] * weights[columns]
    alone = 0.5 * (np.diag(inverse) - weights * weights).sum()
    by_scale = differences @ (apart * slope) * scales
    gradient = np.append(by_scale, [apart @ kernel + alone * signal, alone * noise])
    return float(loss), gradient + away / prior.spread


def _kernel(squared: Array, theta: Array) -> tuple[Array, Array]:
    """Return the covariances for squared scaled distances, and their derivative by these; both have their shape."""
    distance = np.sqrt(np.maximum(squared, 1e-16))
    decay = math.exp(theta[-2]) * np.exp(-_SQRT5 * distance)
    return (1 + _SQRT5 * distance + 5 / 3 * squared) * decay, -5 / 6 * (1 + _SQRT5 * distance) * decay


def _covariance(squared: Array, theta: Array) -> Array:
    """Return what ``_kernel`` does first, in fewer arrays of this size; ``squared`` is used up."""
    decay: Array = np.maximum(squared, 1e-16)
    np.sqrt(decay, out=decay)
    decay *= _SQRT5
    found: Array = 1 + decay
    squared *= 5 / 3
    found += squared
    np.negative(decay, out=decay)
    np.exp(decay, out=decay)
    decay *= math.exp(theta[-2])
    found *= decay
    return found


def _distances(a: Array, b: Array, is_category: Array, theta: Array) -> Array:
    """Return squared scaled distances (n, m)."""
    scales = np.exp(theta[:-2])
    roots = np.sqrt(scales[~is_category])
    first, second = a[:, ~is_category] * roots, b[:, ~is_category] * roots
    squared = (first**2).sum(1)[:, None] + (second**2).sum(1) - 2 * first @ second.T
    for place in np.flatnonzero(is_category):
        squared += scales[place] * (a[:, place, None] != b[:, place])
    return np.asarray(np.maximum(squared, 0))


def half_rank(values: Array) -> Array:
    """Return values to minimise (n,) with mean 0 and spread 1, the worse half of them as half-normal scores.

    The better half of the finite values keeps its distances; how bad the bad ones are says little of where the best
    is. Infinite values are the worst. Equal values stay equal. Values are bad, too, that are far beyond the best
    tenth (``FAR_OUT``), as those before a training diverges: beside them all good ones would be one.
    """
    finite = np.isfinite(values)
    if not finite.any():
        return np.zeros(len(values))
    bounded = np.clip(values, -HUGE, HUGE)
    middle = min(np.median(bounded[finite]), last_near(np.sort(bounded[finite])))
    good = finite & (bounded <= middle)
    spread = math.sqrt(np.mean((bounded[good] - middle) ** 2)) or 1.0
    warped = (bounded - middle) / spread
    warped[~good] = ndtri(0.5 + 0.5 * (rankdata(values[~good]) - 0.5) / max(1, np.sum(~good)))
    return np.asarray((warped - warped.mean()) / (warped.std() or 1.0))


def last_near(ordered: Array) -> float:
    """Return the last of the values that is not far beyond the best tenth, of five at least."""
    tenth = ordered[min(max(4, len(ordered) // 10), len(ordered) - 1)]
    reach = ordered[0] + FAR_OUT * (tenth - ordered[0])
    return float(ordered[ordered <= reach][-1]) if tenth > ordered[0] else float(ordered[-1])


def log_expected_improvement(mean: Array, spread: Array, best: float) -> Array:
    """Return the logarithm of the expected improvement on ``best``, where lower is better.

    Jones et al. 1998, equation 15; far out it is taken apart as in Ament et al. 2023, section 4.1.
    """
    z = (best - mean) / spread
    density = -0.5 * z * z - 0.5 * math.log(2 * math.pi)
    near = np.maximum(z, -1)
    close = np.log(np.exp(-0.5 * near * near) / math.sqrt(2 * math.pi) + near * ndtr(near))
    out = np.clip(z, -1e6, -1)
    far = density + np.log1p(out * math.sqrt(math.pi / 2) * erfcx(-out / math.sqrt(2)))
    return np.asarray(np.where(z < -1, far, close) + np.log(spread))
