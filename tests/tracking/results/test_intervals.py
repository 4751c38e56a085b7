"""Intervals over test rows and seeds: their formula on cases that are known, and their coverage in simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tests.benchmarks.coverage import Setting, covered
from tracking.results.intervals import Sample, TestScores, crossed, estimate


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=20))
def test_without_rows_the_interval_is_students_over_seeds(values: list[float]) -> None:
    made = estimate(TestScores(by_seed=dict(enumerate(values))))
    sem = stats.sem(values)
    low, high = stats.t.interval(0.95, len(values) - 1, loc=np.mean(values), scale=sem) if sem > 0 else made.ci95
    assert made.mean == pytest.approx(np.mean(values), abs=1e-6)
    assert made.ci95 == pytest.approx((low, high), rel=1e-6, abs=1e-5)
    assert made.over == "seeds"


def test_one_seed_has_the_interval_of_its_rows() -> None:
    errors = np.random.default_rng(0).normal(3.0, 2.0, (1, 50))
    low, high = crossed(errors)
    assert (low, high) == pytest.approx(stats.t.interval(0.95, 49, errors.mean(), stats.sem(errors[0])))
    made = estimate(TestScores(by_seed={4: float(errors.mean())}, by_row=errors))
    assert made.over == "rows" and made.ci95 == pytest.approx((low, high))


def test_seeds_that_agree_leave_the_rows_part() -> None:
    row = np.random.default_rng(0).normal(0.0, 1.0, 80)
    assert crossed(np.stack([row, row, row])) == pytest.approx(
        stats.t.interval(0.95, 79, row.mean(), stats.sem(row))
    )


def test_rows_that_agree_leave_the_seeds_part() -> None:
    seeds = np.array([0.1, 0.4, 0.2])
    half = stats.t.ppf(0.975, 2) * stats.sem(seeds)
    assert crossed(seeds[:, None].repeat(1000, 1)) == pytest.approx((seeds.mean() - half, seeds.mean() + half))


def test_hits_on_all_rows_are_no_certainty() -> None:
    every = estimate(TestScores(by_seed={1: 1.0, 2: 1.0}, by_row=np.ones((2, 100)), kind="share"))
    assert every.mean == 1.0 and every.high == 1.0 and 0.94 < every.low < 0.98
    same = estimate(TestScores(by_seed={1: 0.0, 2: 0.0}, by_row=np.zeros((2, 100)), kind="difference"))
    assert -0.04 < same.low < -0.01 and 0.01 < same.high < 0.04


def test_an_interval_stays_within_what_the_metric_can_be() -> None:
    rows = np.random.default_rng(0).normal(0.9, 0.5, (3, 8))
    one = TestScores(by_seed=dict(enumerate(rows.mean(1))), by_row=rows, kind="rate")
    assert estimate(one).high == 1.0
    low, high = estimate(one.minus(one)).ci95
    assert -0.5 < low < 0.0 < high < 0.5, "models that are equal on few rows may differ on others"
    other = TestScores(by_seed=one.by_seed, by_row=-rows * 9, kind="rate")
    assert estimate(one.minus(other)).high == 1.0


def test_equal_differences_of_all_seeds_have_a_width() -> None:
    """Three seeds, and in each one row of 270 that only the champion hits: no significant difference."""
    winner, default = np.ones((3, 270)), np.ones((3, 270))
    winner[:, :9], default[:, :10] = 0.0, 0.0
    one, other = (
        TestScores(by_seed=dict(enumerate(rows.mean(1), 1)), by_row=rows, kind="share")
        for rows in (winner, default)
    )
    found = estimate(one.minus(other))
    assert found.mean == pytest.approx(1 / 270) and found.low < 0 < found.high


def test_the_difference_is_paired_by_seed_and_over_the_seeds_of_both() -> None:
    winner = TestScores(by_seed={1: 0.9, 2: 0.8, 3: 0.7, 7: 0.1})
    default = TestScores(by_seed={9: 0.9, 3: 0.63, 2: 0.76, 1: 0.85})
    found = estimate(winner.minus(default))
    test = stats.ttest_rel([0.9, 0.8, 0.7], [0.85, 0.76, 0.63]).confidence_interval(0.95)
    assert found.num_seeds == 3 and found.ci95 == pytest.approx((test.low, test.high))


def test_one_seed_without_rows_has_no_interval_and_none_no_mean() -> None:
    one, none, odd = (estimate(TestScores(by_seed=seeds)) for seeds in ({1: 0.5}, {}, {1: 0.5, 2: math.nan}))
    assert one.mean == 0.5 and math.isnan(one.low) and math.isnan(one.high) and one.over == ""
    assert math.isnan(none.mean) and none.num_seeds == 0
    assert math.isnan(odd.mean) and odd.num_seeds == 2


@pytest.mark.parametrize("num_seeds", [3, 5])
@pytest.mark.parametrize("of_seeds", [0.0, 0.5])
def test_the_interval_covers_the_truth_as_often_as_it_says(num_seeds: int, of_seeds: float) -> None:
    """A short form of ``tests.benchmarks.coverage``; five standard errors of 600 draws are 4.4 points."""
    setting = Setting(num_rows=1000, num_seeds=num_seeds, of_seeds=of_seeds, effect=0.02)
    winner, difference = covered(setting, num_draws=600, seed=3)
    assert 0.91 < winner < 0.99 and 0.91 < difference < 0.99


def test_errors_are_not_negative_and_r2_is_at_most_one() -> None:
    rows = np.array([[0.1, 9.0, 0.2, 0.1]])
    error = TestScores(by_seed={1: 2.35}, by_row=rows, kind="error")
    assert estimate(error).low == 0.0 and estimate(error).high > 5.0
    assert estimate(TestScores(by_seed={1: -1.35}, by_row=1 - rows, kind="r2")).high == 1.0
    assert estimate(error.minus(error)).ci95 == (0.0, 0.0)


def test_without_rows_an_interval_stays_within_what_the_metric_can_be_too() -> None:
    """One test row, which two of three seeds hit."""
    hits = TestScores(by_seed={1: 1.0, 2: 0.0, 3: 1.0}, kind="share")
    assert estimate(hits).ci95 == (0.0, 1.0)
    misses = TestScores(by_seed={1: 0.0, 2: 0.0, 3: 1.0}, kind="share")
    assert estimate(hits.minus(misses)).high == 1.0


def test_a_perfect_rate_is_no_certainty() -> None:
    """As the same hits of single rows: 60 rows, of which pseudo-values of F1 tell no more."""
    made = [
        estimate(
            TestScores(by_seed={1: 1.0, 2: 1.0}, by_row=np.ones((2, 60)), kind=kind, sample=Sample(num_rows=n))
        )
        for kind, n in (("share", 60), ("rate", 60), ("rate", 12))
    ]
    assert made[1].low == pytest.approx(made[0].low, abs=0.002) and made[2].low < made[1].low - 0.1


def test_differences_that_cancel_out_are_no_difference() -> None:
    mine = TestScores(by_seed={1: 0.9407407407407408, 2: 0.9333333333333333})
    other = TestScores(by_seed={1: 0.9333333333333333, 2: 0.9407407407407408})
    assert estimate(mine.minus(other)).mean == 0.0
    third = TestScores(by_seed={1: 0.1 + 0.2, 2: 0.4}).minus(TestScores(by_seed={1: 0.4, 2: 0.3}))
    assert estimate(third).mean == 0.0, "-2.8e-17 by plain arithmetic"
    assert estimate(TestScores(by_seed={1: 1e-15, 2: 2e-15})).mean == pytest.approx(1.5e-15, rel=1e-9, abs=0)
