"""A model of learning curves: what a curve that has begun will have come to after the last epoch.

The curves of one search are draws of a Gaussian process over the logarithm of the epoch, as most of what happens
in training happens early: a level and a power law ``t**-0.5`` of unknown size, Brownian motion and its integral
(a slope that drifts), and noise (Rasmussen and Williams 2006; the basis functions are those of section 2.7). How
much of each there is, is chosen from a grid by the marginal likelihood of all curves together; the overall scale is
each curve's own, between that of all and what its own values say (Student's t with a prior of ``OWN`` values).

All curves begin at epoch 1, so that one Cholesky factor serves all: the first rows of it are the factor of a curve
that has come as far as they reach, and a curve's whitened values (its innovations) do not change as it goes on.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import stdtr

from search_spaces.numerics.threads import one_thread

Array = np.ndarray
Curve = Mapping[int, float]
"""Values by epoch, signed so that higher is better."""
MAX_EPOCHS = 100
"""Number of epochs that are looked at; of longer trainings they are spaced evenly in the logarithm."""
LEVEL, POWERS, SLOPES, NOISES = 10.0, (1.0, 30.0), (0.0, 0.1, 1.0, 10.0), (1e-3, 0.03, 0.3, 3.0)
"""Variances of level, power law, slope and noise, in units of the Brownian motion's."""
OWN = 8.0
"""Weight of all curves' scale against a curve's own, in values."""
WORST = 4.0
"""A value further below the best than so many times the median curve is raised to there: how bad says little."""


@dataclass(frozen=True)
class _Kernel:
    """Cholesky factor (T, T) of the covariance and its inverse, and the whitened basis (T, 2)."""

    factor: Array
    inverse: Array
    basis: Array
    log_diagonal: Array


@cache
def _epochs(horizon: int) -> Array:
    every = np.arange(1, horizon + 1)
    return every if horizon <= MAX_EPOCHS else np.unique(np.geomspace(1, horizon, MAX_EPOCHS).round()).astype(int)


@cache
def _kernels(horizon: int) -> tuple[_Kernel, ...]:
    epochs = _epochs(horizon).astype(float)
    basis, log = _basis(horizon), np.log(epochs)
    early, late = np.minimum(log[:, None], log), np.maximum(log[:, None], log)
    drift = early * early * (3 * late - early) / 6
    made = []
    for power, slope, noise in itertools.product(POWERS, SLOPES, NOISES):
        weights = basis * (LEVEL, power)
        covariance = weights @ basis.T + early + slope * drift + (noise + 1e-9) * np.eye(len(epochs))
        factor = np.linalg.cholesky(covariance)
        inverse = solve_triangular(factor, np.eye(len(epochs)), lower=True)
        made.append(_Kernel(factor, inverse, inverse @ basis, np.log(np.diag(factor))))
    return tuple(made)


@cache
def _basis(horizon: int) -> Array:
    powers = _epochs(horizon) ** -0.5
    return np.stack([np.ones(len(powers)), (powers - powers[-1]) / (powers[0] - powers[-1] or 1.0)], axis=1)


@dataclass(frozen=True)
class LearningCurves:
    """The model as the curves of a search have shaped it."""

    horizon: int
    kernel: _Kernel
    mean: Array
    """Level after the last epoch and size of the power law (2,) that curves have on average."""
    scale: float
    """Variance of an innovation."""
    floor: float
    middle: float
    spread: float

    @classmethod
    def of(cls, curves: Sequence[Curve], horizon: int) -> LearningCurves:
        """Return the model with the largest marginal likelihood of ``curves``, none of which is empty."""
        found = [_values(curve, horizon) for curve in curves]
        last, best = np.array([values[-1] for values in found]), max(values.max() for values in found)
        middle = float(np.median(last))
        floor = best - WORST * ((best - middle) or 1.0)
        spread = float(np.std(np.maximum(last, floor))) or float(np.std(np.concatenate(found))) or 1.0
        there = np.zeros((len(found), len(_epochs(horizon))))
        scaled = np.zeros_like(there)
        for row, values in enumerate(found):
            there[row, : len(values)] = 1.0
            scaled[row, : len(values)] = (np.maximum(values, floor) - middle) / spread
        with one_thread():
            fits = [(*_likelihood(kernel, scaled, there), kernel) for kernel in _kernels(horizon)]
        _, mean, scale, kernel = max(fits, key=lambda fit: fit[0])
        return cls(horizon, kernel, mean, scale, floor, middle, spread)

    def chance(self, curve: Curve, goal: float) -> float:
        """Return the probability that the curve's value after the last epoch is above ``goal``."""
        mean, spread, freedom = self.predict(curve)
        return 1.0 - float(stdtr(freedom, (goal - mean) / spread))

    def predict(self, curve: Curve) -> tuple[float, float, float]:
        """Return mean, scale and degrees of freedom of Student's t for the value after the last epoch."""
        values = (np.maximum(_values(curve, self.horizon), self.floor) - self.middle) / self.spread
        factor, num = self.kernel.factor, len(values)
        white = self.kernel.inverse[:num, :num] @ values - self.kernel.basis[:num] @ self.mean
        mean = _basis(self.horizon)[-1] @ self.mean + factor[-1, :num] @ white
        own = (OWN * self.scale + white @ white) / (OWN + num)
        spread = np.sqrt(max(float(factor[-1, num:] @ factor[-1, num:]) * own, 1e-18))
        return self.middle + self.spread * float(mean), self.spread * float(spread), OWN + num


def _values(curve: Curve, horizon: int) -> Array:
    """Return the curve's values (n,) at the model's epochs, as far as it has come."""
    known = sorted(curve)
    places = np.searchsorted(known, _epochs(horizon)[_epochs(horizon) <= known[-1]], side="right") - 1
    return np.array([curve[known[max(place, 0)]] for place in places], float)


def _likelihood(kernel: _Kernel, values: Array, there: Array) -> tuple[float, Array, float]:
    """Return the logarithm of the marginal likelihood of values (n, T) that are ``there``, with mean and scale."""
    white = values @ kernel.inverse.T
    weights = (there.sum(0)[:, None] * kernel.basis).T @ kernel.basis + 1e-6 * np.eye(2)
    mean = np.linalg.solve(weights, (there * white).sum(0) @ kernel.basis)
    rest, num = (white - kernel.basis @ mean) * there, there.sum()
    scale = max(float((rest**2).sum() / num), 1e-12)
    return float(-0.5 * num * np.log(scale) - (there @ kernel.log_diagonal).sum()), mean, scale
