"""The Gaussian process against scikit-learn's, its gradients and expected improvement against plain numerics."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import check_grad
from scipy.stats import norm
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

from search_spaces.numerics.gaussian_process import (
    JITTER,
    GaussianProcess,
    Prior,
    _loss,
    _Pairs,
    fitted,
    half_rank,
    log_expected_improvement,
)

NUMBERS = np.zeros(3, bool)


def sample(num: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    points = rng.random((num, 3))
    values = np.sin(5 * points[:, 0]) + (points[:, 1] - 0.3) ** 2 + 0.05 * rng.normal(size=num)
    return points, (values - values.mean()) / values.std()


def test_the_posterior_is_that_of_scikit_learn() -> None:
    points, values = sample(30)
    theta = np.array([2.0, 0.5, -1.0, 0.3, -4.0])
    kernel = ConstantKernel(math.exp(0.3)) * Matern(np.exp(-theta[:3] / 2), nu=2.5)
    theirs = GaussianProcessRegressor(kernel, alpha=math.exp(-4.0) + JITTER, optimizer=None).fit(points, values)
    fresh = np.random.default_rng(1).random((20, 3))
    mean, spread = theirs.predict(fresh, return_std=True)
    ours = GaussianProcess.posterior(points, values, NUMBERS, theta).predict(fresh)

    np.testing.assert_allclose(ours[0], mean, atol=1e-6)
    np.testing.assert_allclose(ours[1], spread, rtol=1e-4)


def test_the_gradient_is_that_of_the_loss() -> None:
    points, values = sample(20)
    points[:, 2] = np.floor(3 * points[:, 2])
    pairs, prior = _Pairs.of(points, np.array([False, False, True])), Prior.of(3, -6.0)
    for seed in range(3):
        theta = prior.mean + np.random.default_rng(seed).normal(size=5)
        loss = _loss(theta, pairs, values, prior)[0]
        off = check_grad(
            lambda t: _loss(t, pairs, values, prior)[0],
            lambda t: _loss(t, pairs, values, prior)[1],
            theta,
        )
        assert off < 1e-4 * max(1.0, abs(loss))


def test_what_does_not_matter_gets_a_long_length_scale_and_the_fit_predicts() -> None:
    points, values = sample(80)
    theta = fitted(points, values, NUMBERS, Prior.of(3, -6.0))
    fresh, truth = sample(200, 5)
    mean, spread = GaussianProcess.posterior(points, values, NUMBERS, theta).predict(fresh)

    assert theta[2] < min(theta[:2]) - 1
    assert np.corrcoef(mean, truth)[0, 1] > 0.97 and (spread > 0).all()


def test_the_fit_is_about_as_likely_as_that_of_scikit_learn() -> None:
    points, values = sample(60)
    kernel = ConstantKernel(1.0) * Matern(np.ones(3), nu=2.5) + WhiteKernel(0.1)
    theirs = GaussianProcessRegressor(kernel, n_restarts_optimizer=2, random_state=0).fit(points, values)
    flat = Prior(np.zeros(5), np.full(5, 1e6))
    ours = fitted(points, values, NUMBERS, flat, num_steps=100)
    likelihood = -_loss(ours, _Pairs.of(points, NUMBERS), values, flat)[0] - 30 * math.log(2 * math.pi)

    assert likelihood == pytest.approx(theirs.log_marginal_likelihood_value_, abs=0.5)


def test_categories_are_at_distance_one() -> None:
    points = np.array([[0.0, 0.1], [2.0, 0.1], [1.0, 0.1], [0.0, 0.2]])
    found = _Pairs.of(points, np.array([True, False]))
    apart = dict(
        zip(zip(found.rows.tolist(), found.columns.tolist(), strict=True), found.differences.T, strict=True)
    )
    assert all(apart[pair][0] == (pair != (3, 0)) for pair in itertools.combinations(reversed(range(4)), 2))
    assert apart[2, 1][1] == 0 and apart[3, 0][1] == pytest.approx(0.01)


@pytest.mark.parametrize("mean", [-1.0, 0.0, 0.5, 3.0, 5.9, 6.1, 9.0, 20.0])
@pytest.mark.parametrize("spread", [0.3, 1.0])
def test_expected_improvement_is_the_integral(mean: float, spread: float) -> None:
    """For a best of 0; where it cannot be integrated, its asymptotic expansion."""
    found = float(log_expected_improvement(np.array([mean]), np.array([spread]), 0.0)[0])
    law = norm(mean, spread)
    expected = quad(lambda value: -value * law.pdf(value), mean - 12 * spread, 0, limit=200)[0]
    if mean / spread < 7:
        assert found == pytest.approx(math.log(expected), abs=1e-4)
    else:
        z = mean / spread
        tail = math.log(1 - 3 / z**2 + 15 / z**4 - 105 / z**6) - 2 * math.log(z)
        assert found == pytest.approx(law.logpdf(0) + 2 * math.log(spread) + tail, abs=5e-3)


def test_only_the_order_of_the_worse_half_counts() -> None:
    values = np.array([0.1, 0.2, 0.4, 0.5, 7.0, 9.0, 1e9])
    warped = half_rank(values)

    assert (np.diff(warped) > 0).all() and warped.std() == pytest.approx(1) and warped.mean() == pytest.approx(0)
    np.testing.assert_allclose(warped, half_rank(np.array([0.1, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8])))
    gaps = np.diff(warped)[:3] / np.diff(values)[:3]
    np.testing.assert_allclose(gaps, gaps[0])
    assert half_rank(np.array([2.0, 2.0])).tolist() == [0, 0]


def test_equal_values_stay_equal_and_infinite_ones_are_the_worst() -> None:
    warped = half_rank(np.array([0.1, 0.2, 0.3, 0.9, 0.9, np.inf, np.inf, np.inf]))
    assert (np.diff(warped)[:3] > 0).all() and warped[3] == warped[4] < warped[5] == warped[6] == warped[7]
    assert half_rank(np.full(3, np.inf)).tolist() == [0, 0, 0]


def test_good_values_keep_their_distances_where_most_are_huge_or_infinite() -> None:
    for bad in (np.inf, 1.7e308):
        warped = half_rank(np.array([0.1, 0.2, 0.3, *[bad] * 9]))
        assert np.isfinite(warped).all()
        if bad == np.inf:
            assert warped[1] - warped[0] > 0.2 * (warped[2] - warped[0])
    values = half_rank(np.array([-1.7e308, 1e308, 1.1e308, 1.2e308]))
    assert np.isfinite(values).all() and (np.diff(values) >= 0).all()
