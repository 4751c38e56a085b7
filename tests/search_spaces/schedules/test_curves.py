"""Stopping by a model of learning curves: that it knows what it says, and whom it stops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from search_spaces.race.race import Race
from search_spaces.race.search import Search
from search_spaces.schedules.curves import Curves, CurvesParameters
from search_spaces.schedules.learning_curves import MAX_EPOCHS, LearningCurves
from search_spaces.schedules.standings import Standings
from search_spaces.simulation.clock import World, simulate
from search_spaces.spec.sweep import Metric
from tests.benchmarks.curve_calibration import judged
from tests.helpers.standings import Seen, promoted, stopped
from tests.helpers.toy_race import METRIC, Toy, toy_sweep

EPOCHS = 30
PLAN = Curves(EPOCHS, CurvesParameters(min_trials=3))


def drawn(num: int, rng: np.random.Generator, noise: float = 0.01) -> np.ndarray:
    """Power laws that end at different heights, and come there fast or slowly."""
    epochs = np.arange(1, EPOCHS + 1)
    ends, gains, powers = (
        rng.uniform(0.5, 1, (num, 1)),
        rng.uniform(0.1, 0.5, (num, 1)),
        rng.uniform(0.3, 2, (num, 1)),
    )
    return np.asarray(ends - gains * epochs**-powers + rng.normal(0, noise, (num, EPOCHS)))


def test_what_the_model_says_is_true_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    rows = [row for _ in range(20) for row in judged(drawn(30, rng), rng)]
    quantiles = np.array([quantile for _, quantile, *_ in rows])
    assert 0.85 < np.mean(np.abs(quantiles - 0.5) < 0.45) < 0.98, "a 90 % interval"
    assert 0.4 < np.mean(np.abs(quantiles - 0.5) < 0.25) < 0.8, (
        "and a 50 % one, which is wide where curves are smooth"
    )
    given_up = [late for *_, stopped, late in rows if stopped]
    assert len(given_up) > 0.5 * len(rows) and np.mean(given_up) < 0.01


def test_it_foresees_more_than_the_last_value_says() -> None:
    rng = np.random.default_rng(1)
    rows = [row for _ in range(10) for row in judged(drawn(30, rng, 0.002), rng)]
    assert np.mean([row[2] for row in rows]) < 0.85 * np.mean([row[3] for row in rows])


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e6])
@pytest.mark.parametrize("shift", [0.0, -1e3])
def test_the_unit_of_the_metric_changes_nothing(scale: float, shift: float) -> None:
    curves = [
        dict(enumerate(curve[: 5 + 2 * i].tolist(), 1))
        for i, curve in enumerate(drawn(8, np.random.default_rng(2)))
    ]
    plain = LearningCurves.of(curves, EPOCHS)
    other = LearningCurves.of([{e: scale * (v + shift) for e, v in curve.items()} for curve in curves], EPOCHS)
    for curve in curves:
        goal = max(curve.values()) + 0.05
        moved = {e: scale * (v + shift) for e, v in curve.items()}
        assert other.chance(moved, scale * (goal + shift)) == pytest.approx(plain.chance(curve, goal), abs=1e-3)


def test_curves_that_are_all_the_same_or_of_one_epoch() -> None:
    for curves in ([{1: 0.5}], [{1: 0.5, 2: 0.5}] * 4, [{1: 0.1, 2: 0.1}, {1: 0.3}]):
        model = LearningCurves.of(curves, EPOCHS)
        assert all(0 <= model.chance(curve, 0.6) <= 1 for curve in curves)
    long = LearningCurves.of([{epoch: 1 - 1 / epoch for epoch in range(1, 900)}], 1000)
    mean, spread, _ = long.predict({epoch: 1 - 1 / epoch for epoch in range(1, 900)})
    assert mean == pytest.approx(0.999, abs=0.01) and spread < 0.01 and MAX_EPOCHS < 1000


def seen(number: int, curve: np.ndarray, **more: bool) -> Seen:
    values = dict(enumerate(curve.tolist(), 1))
    scores = {rung: max(list(values.values())[:rung]) for rung in PLAN.rungs if rung <= len(values)}
    return Seen(number=number, epoch=len(values), scores=scores, values=values, waiting=not more, **more)


def test_the_hopeless_are_stopped_and_whoever_leads_is_not() -> None:
    epochs = np.arange(1, 13)
    good, bad, late = 0.9 - 0.2 / epochs, 0.5 - 0.2 / epochs, 1.0 - 0.45 * epochs**-0.5
    three = [seen(0, good), seen(1, bad), seen(2, late)]
    standings = Standings(PLAN.rungs, three, 9)
    assert set(promoted(PLAN, standings)) == {0, 2} and stopped(PLAN, standings) == {1}
    assert stopped(PLAN, Standings(PLAN.rungs, three[:2], 9)) == set(), "there are fewer than min_trials"
    without = Standings(PLAN.rungs, [seen(0, good, ended=True, failed=True), *three[1:]], 9)
    assert without.best < 0.88, "one that failed is beaten no more"


def test_more_are_stopped_with_a_larger_chance() -> None:
    epochs = np.arange(1, 13)
    members = [seen(number, end - 0.2 / epochs) for number, end in enumerate(np.linspace(0.7, 0.9, 12))]

    def hopeless(chance: float) -> set[int]:
        plan = Curves(EPOCHS, CurvesParameters(min_trials=3, chance=chance))
        return stopped(plan, Standings(plan.rungs, members, 12))

    assert hopeless(0.001) < hopeless(0.05) < hopeless(0.5)


def test_who_leads_goes_on_though_it_falls_and_who_needs_no_training_too() -> None:
    epochs = np.arange(1, 13)
    falling, low = 0.95 - 0.03 * epochs, 0.5 - 0.2 / epochs
    held = replace(seen(2, low[:7]), held=12, scores={**seen(2, low[:7]).scores, 12: 0.5})
    three = Standings(PLAN.rungs, [seen(0, falling), seen(1, low), held], 9)
    assert stopped(PLAN, three) == {1} and set(promoted(PLAN, three)) == {0, 2}


def test_the_best_value_of_those_that_are_done_counts() -> None:
    late = np.append(np.full(29, 0.5), 0.8)
    done = seen(0, late, ended=True, done=True)
    done = replace(done, scores={rung: score for rung, score in done.scores.items() if rung < EPOCHS})
    assert Standings(PLAN.rungs, [done, seen(1, late[:12])], 9).best == 0.8, "though the last rung has no scores"


def raced(goal: str, sign: float, cut: bool = False) -> Race:
    sweep = toy_sweep(
        trials=24,
        epochs=20,
        train_together=1,
        metric=Metric(name=METRIC, goal=goal),
        early_terminate={"type": "curves"},
    )
    race = Search(sweep, Toy, None).race(3)
    simulate(race, World(lambda p, e: sign * (1 - abs(float(p["lr"] or 0) - 0.3)) * (1 - 0.8**e), num_lanes=3))
    return race


def test_a_race_stops_most_trials_early_and_minimise_mirrors_maximise() -> None:
    up, down = raced("maximize", 1.0), raced("minimize", -1.0)
    assert [(t.state, t.epoch) for t in up.tracks] == [(t.state, t.epoch) for t in down.tracks]
    assert up.ranked()[0].state == "done" and sum(t.state == "stopped" for t in up.tracks) > 12
    assert sum(len(t.values) for t in up.tracks) < 0.6 * 24 * 20
    everyone = max(1 - abs(float(t.params["lr"] or 0) - 0.3) for t in up.tracks)
    assert up.ranked()[0].best_value == pytest.approx(everyone * (1 - 0.8**20), abs=0.01)
