"""Groups of trials: the better one is named, equal ones are not told apart, and the errors are those promised."""

from __future__ import annotations

import numpy as np
import pytest

from search_spaces.types.objective import Objective
from tracking.results.groups import groups, pairs
from tracking.results.intervals import Estimate, apart

UP, DOWN = Objective("val_accuracy", "maximize"), Objective("val_loss", "minimize")


def test_the_better_group_is_first_by_the_metric_s_goal() -> None:
    values = {"a": [0.5, 0.6], "b": [0.9, 0.7, 0.8], "none": []}
    assert [(group.label, group.num, group.best) for group in groups(values, UP)] == [("b", 3, 0.9), ("a", 2, 0.6)]
    assert [(group.label, group.best) for group in groups(values, DOWN)] == [("a", 0.5), ("b", 0.7)]


def test_an_interval_ends_where_the_metric_s_values_do() -> None:
    (found,) = groups({"a": [0.9, 1.0]}, UP)
    assert found.mean.high == 1.0 and 0.0 < found.mean.low < 0.9
    (percent,) = groups({"a": [97.0, 98.0]}, UP)
    assert percent.mean.low < 97.5 < percent.mean.high, "users' code may report an accuracy in percent"
    (alone,) = groups({"a": [0.9]}, UP)
    assert np.isnan(alone.mean.ci95).all()


def test_planted_differences_are_told_and_noise_is_not() -> None:
    rng = np.random.default_rng(3)
    values = {
        name: rng.normal(mean, 0.1, 20).tolist() for name, mean in {"low": 0.2, "high": 0.8, "same": 0.8}.items()
    }
    found = {(one.first, one.second): one for one in pairs(values, ["high", "same", "low"])}
    assert found["high", "low"].told_apart and found["same", "low"].told_apart
    assert not found["high", "same"].told_apart
    assert found["high", "low"].mean == pytest.approx(np.mean(values["high"]) - np.mean(values["low"]))


def test_groups_without_two_trials_or_any_spread_are_in_no_pair() -> None:
    assert not pairs({"a": [1.0], "b": [2.0, 3.0]}, ["a", "b"])
    assert not pairs({"a": [1.0, 1.0], "b": [1.0, 1.0]}, ["a", "b"])


def test_a_best_value_of_zero_is_a_value_and_no_pair_has_an_interval_without_bounds() -> None:
    assert groups({"a": [0.0, 0.5]}, DOWN)[0].best == 0.0
    found = pairs({"a": [1.0, 1.0], "b": [2.0, 2.0], "c": [0.0, 0.5, 0.1]}, ["b", "a", "c"])
    assert [(one.first, one.second) for one in found] == [("b", "c"), ("a", "c")]


def test_the_interval_of_a_difference_of_independent_scores_is_that_of_their_variances() -> None:
    first = Estimate(mean=0.9, low=0.8, high=1.0, num_seeds=3, over="rows and seeds")
    second = Estimate(mean=0.7, low=0.5, high=0.9, num_seeds=3, over="rows and seeds")
    found = apart(first, second)
    half = np.hypot(0.1, 0.2)
    assert (found.mean, found.low, found.high) == pytest.approx((0.2, 0.2 - half, 0.2 + half))
    assert found.over == "rows and seeds"
    assert np.isnan(apart(first, Estimate(mean=0.7, num_seeds=1)).low)
