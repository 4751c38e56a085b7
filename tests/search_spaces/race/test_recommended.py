"""The rule that recommends a configuration, on values of which the answer is known."""

import random
from statistics import fmean

import pytest

from search_spaces.race.recommended import Tried, estimates, is_clear, next_retests, recommended, tried_again
from search_spaces.race.seeds.retests import num_affordable
from search_spaces.race.seeds.worse import clearly_worse
from search_spaces.types.objective import Objective

UP, DOWN = Objective("val_accuracy", "maximize"), Objective("val_loss", "minimize")


def test_while_each_was_seen_once_the_best_value_is_recommended_without_an_interval():
    found = recommended([Tried(0, [0.5]), Tried(1, [0.9]), Tried(2, [0.7])], UP)
    assert found is not None and (found.trial, found.mean, found.estimate) == (1, 0.9, 0.9)
    assert found.std is found.sd is found.ci95 is None
    assert recommended([Tried(0, []), Tried(1, [float("nan")])], UP) is None


def test_a_lucky_value_shrinks_below_a_steady_mean():
    tried = [Tried(0, [0.90, 0.88, 0.89, 0.90]), Tried(1, [0.92, 0.80]), Tried(2, [0.91]), Tried(3, [0.80])]
    first, *others = estimates(tried, UP)
    assert (first.trial, first.num_seeds) == (0, 4) and first.ci95 is not None
    assert first.ci95[0] < first.estimate < first.ci95[1]
    [once] = [one for one in others if one.trial == 2]
    assert once.estimate < 0.91 and once.sd is not None and first.sd is not None and once.sd > first.sd


def test_the_estimate_is_the_normal_formula():
    tried = [Tried(i, [value + 0.02, value - 0.02]) for i, value in enumerate((0.5, 0.6, 0.7, 0.8, 0.9))]
    noise, between = 0.0008, 0.025 - 0.0008 / 2
    best = estimates(tried, UP)[0]
    assert best.estimate == pytest.approx(0.7 + 0.2 * between / (between + noise / 2))
    assert best.sd == pytest.approx((1 / between + 2 / noise) ** -0.5)


def test_two_standard_deviations_must_hold_and_the_worse_half_says_nothing():
    seen = [Tried(0, [0.90, 0.91, 0.89, 0.90]), Tried(2, [0.8, 0.82]), Tried(3, [0.75]), Tried(4, [0.7])]
    assert [estimates([*seen, Tried(1, [once])], UP)[0].trial for once in (0.91, 0.92)] == [0, 1]
    bad, worse = ([*seen, Tried(1, [0.91]), *(Tried(5 + i, [value]) for i in range(5))] for value in (0.5, -9.0))
    assert [one.estimate for one in estimates(bad, UP)[:5]] == [one.estimate for one in estimates(worse, UP)[:5]]


def test_a_seed_that_breaks_a_constraint_has_failed_and_one_that_was_cut_off_says_nothing():
    def entry(trial, values, state="done", **more):
        return {"trial": trial, "state": state, "values": values, **more}

    entries = [
        entry(0, {1: 0.5, 2: 0.7}),
        entry(0, {1: 0.9}, feasible=False),
        entry(1, {1: 0.8}, "failed"),
        entry(2, {1: 0.6}, "stopped"),
        entry(3, {1: 0.6}, "paused"),
    ]
    found = tried_again(entries, UP, {3: 1})
    assert {trial: (list(one.values), one.num_failed) for trial, one in found.items()} == {
        0: ([0.7], 1), 1: ([], 1), 3: ([0.6], 0)
    }  # fmt: skip


def test_huge_values_are_worse_and_do_no_harm():
    tried = [Tried(0, [0.1, 0.2]), Tried(1, [1.7e308, 1.7e308]), Tried(2, [-1e300, 1e308]), Tried(3, [1e200])]
    assert [one.trial for one in estimates([*tried, Tried(4, [0.3, 0.2])], DOWN)][-1] in (1, 3)
    assert clearly_worse([1e308], {0: [0.1, 0.3], 1: [1e150, 0.9e150]})


def test_minimising_mirrors_maximising():
    tried = [Tried(0, [0.1, 0.3]), Tried(1, [0.15, 0.16]), Tried(2, [0.05]), Tried(3, [0.4])]
    mirrored = [Tried(one.trial, [-value for value in one.values]) for one in tried]
    assert [one.trial for one in estimates(tried, DOWN)] == [one.trial for one in estimates(mirrored, UP)]


def test_a_configuration_that_fails_with_a_seed_comes_last():
    tried = [Tried(0, [0.9, 0.9], num_failed=1), Tried(1, [0.5, 0.6]), Tried(2, [0.2])]
    assert [one.trial for one in estimates(tried, UP)] == [1, 2, 0]
    assert next_retests(estimates(tried, UP), 6) == [1, 2]


def test_half_of_what_is_left_goes_to_as_many_of_the_best():
    ranked = estimates([Tried(i, [1 - i / 10]) for i in range(9)], UP)
    assert [next_retests(ranked, left) for left in (12, 3, 1, 0)] == [[0, 1, 2, 3, 4, 5], [0, 1], [0], []]


def test_retests_are_a_share_of_all_epochs_and_by_default_six_or_none():
    """Of 44 trials that are trained once 6 more are 12 % of all 50; a share of a half doubles what was spent."""
    assert [num_affordable(share, 44, 1) for share in (0.12, 0.5, 0.0)] == [6, 44, 0]
    assert [num_affordable("auto", num, 1) for num in (40, 43, 44, 80)] == [0, 0, 6, 10]


def test_a_leader_is_clear_when_the_noise_is_small_beside_its_lead():
    quiet = [Tried(0, [0.90, 0.901]), Tried(1, [0.80, 0.801]), Tried(2, [0.7])]
    loud = [Tried(0, [0.90, 0.80]), Tried(1, [0.80, 0.88]), Tried(2, [0.7])]
    unknown = [Tried(0, [0.9]), Tried(1, [0.1])]
    assert is_clear(estimates(quiet, UP), UP)
    assert not is_clear(estimates(loud, UP), UP) and not is_clear(estimates(unknown, UP), UP)
    assert is_clear(estimates([Tried(0, [0.9, 0.9]), Tried(1, [0.8])], UP), UP), "no noise at all"


def test_retests_recommend_better_than_luck_on_noisy_values():
    """100 trainings: of 100 configurations once, or of 88 and then the best again, as in the search."""
    lucky, retested = [], []
    for seed in range(60):
        draw = random.Random(seed)
        truth = [draw.gauss(0, 1) for _ in range(100)]
        once = [value + draw.gauss(0, 1) for value in truth]
        lucky.append(truth[once.index(max(once))])
        values, left = {trial: [once[trial]] for trial in range(88)}, 12
        while left:
            ranked = estimates([Tried(trial, seen) for trial, seen in values.items()], UP)
            for trial in next_retests(ranked, left):
                values[trial].append(truth[trial] + draw.gauss(0, 1))
                left -= 1
        found = recommended([Tried(trial, seen) for trial, seen in values.items()], UP)
        assert found is not None
        retested.append(truth[found.trial])
    assert fmean(retested) > fmean(lucky) + 0.15


def test_an_interval_keeps_to_the_bounds_of_its_metric():
    """An accuracy of up to 1.04, and a negative loss, were thought possible; one in percent has other bounds."""
    tried = [Tried(0, [1.0, 1.0]), Tried(1, [0.6, 1.0]), Tried(2, [1.0])]
    name = "val_accuracy"
    assert [one.ci95[1] for one in estimates(tried, Objective(name, "maximize"))] == [1, 1, 1]
    percent = [Tried(one.trial, [100 * value for value in one.values]) for one in tried]
    assert all(one.ci95[1] > 100 for one in estimates(percent, Objective(name, "maximize")))
    losses = [Tried(one.trial, [1 - value for value in one.values]) for one in tried]
    assert [one.ci95[0] for one in estimates(losses, Objective("val_loss", "minimize"))] == [0, 0, 0]
