"""Searches that end as they have little left to find: no better trial for long, or a small bound of the regret."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from search_spaces.criteria.constraints import Constraint, Criteria
from search_spaces.criteria.measures import Measures
from search_spaces.numerics.gaussian_process import GaussianProcess
from search_spaces.race.ending.plateau import INCUMBENT, Plateau
from search_spaces.race.ending.regret import Regret
from search_spaces.race.search import Search
from search_spaces.race.track import State, Track
from search_spaces.space.domains import Choice, Uniform
from search_spaces.space.space import Space
from search_spaces.spec.keys.budget import StopWhen
from search_spaces.study.study import Study
from search_spaces.types.objective import Objective
from tests.helpers.toy_race import ACCURACY, Luck, Tally, Toy, World, toy_sweep

LOSS = Objective("val_loss", "minimize")


def track(index: int, state: State = "ready", value: float | None = None, x: float = 0.5) -> Track:
    made = Track(
        index=index,
        trial=index,
        seed=0,
        searched={"x": x},
        params={"x": x},
        signature=(),
        objective=LOSS,
        state=state,
    )
    if value is not None:
        made.measure(1, value)
    return made


def bounded_track(index: int, value: float, x: float, latency: float) -> Track:
    """A trial that waits at rung 1, and breaks the limit of 5 ms or not."""
    made = track(index, "paused", x=x)
    made.criteria = Criteria(constraints=(Constraint(metric="latency_ms", max=5.0),))
    made.measures = Measures(made.criteria)
    made.measure(1, value, {"latency_ms": latency})
    made.reached(1)
    return made


def end(rule: Plateau, index: int, value: float, state: State = "done") -> None:
    ended = track(index, "running", value)
    rule.reported(ended, 1, value)
    ended.state = state
    rule.ended(ended)


def test_count_begins_anew_with_each_better_value() -> None:
    rule = Plateau(3, LOSS)
    for index, value in enumerate([0.5, 0.6, 0.7, 0.4, 0.4, 0.9]):
        end(rule, index, value)
        assert rule.reason() is None
    end(rule, 6, 0.41)
    assert rule.reason() == "3 trials in a row have brought no better value"
    end(rule, 7, 0.41)  # in the same leg
    assert rule.reason() == "3 trials in a row have brought no better value", "as the file says"


def test_trial_that_waits_counts_once_and_its_own_progress_begins_anew() -> None:
    rule = Plateau(2, LOSS)
    end(rule, 0, 0.5)
    waiting = track(1, "paused", 0.8)
    rule.reported(waiting, 1, 0.8)
    rule.moved(waiting)
    assert rule.num_since == 1
    rule.ended(waiting)
    assert rule.num_since == 1
    rule.reported(track(2, "running", 0.1), 1, 0.1)
    assert rule.num_since == 0


def test_best_trial_that_fails_leaves_its_place() -> None:
    rule = Plateau(1, LOSS)
    end(rule, 0, 0.5)
    end(rule, 1, 0.1, "failed")
    assert rule.num_since == 0 and rule.reason() is None
    end(rule, 2, 0.4)
    assert rule.num_since == 0, "it is better than the one that has not failed"
    end(rule, 3, 0.6)
    assert rule.reason()


def test_a_trial_that_breaks_a_constraint_is_never_the_best_of_a_plateau() -> None:
    rule = Plateau(2, LOSS)
    waits = bounded_track(0, 0.1, 0.5, latency=9.0)
    rule.reported(waits, 1, 0.1)
    rule.moved(waits)
    for index, value in enumerate([0.9, 0.8, 0.7, 0.6], start=1):
        able = bounded_track(index, value, 0.5, latency=1.0)
        rule.reported(able, 1, value)
        rule.ended(able)
        assert rule.reason() is None, "each is better than all before that keep the limit"
    again = Plateau(2, LOSS, [waits, able])
    assert again.num_since == 0


def searched(study: Study | None, num_steps: int = 5000, **changes: Any) -> World:
    tally = Tally()
    race = Search(toy_sweep(**changes), Toy, study).race(2, [tally])
    tally.ends.update(one.index for one in race.tracks if one.ended and one.index not in tally.ends)
    it = World(race, tally, Luck(), Random(0))
    it.run(num_steps)
    return it


@pytest.mark.parametrize("schedule", ["asha", "none", "asha_stopping"])
def test_search_ends_when_nothing_better_comes(schedule: str) -> None:
    wanted = StopWhen(no_improvement=10)
    race = searched(None, trials=300, early_terminate={"type": schedule}, stop_when=wanted).race
    assert race.closing and "in a row" in race.closing
    assert 10 < len(race.tracks) < 300
    assert all(one.ended for one in race.tracks)


def test_count_goes_on_after_a_resume(tmp_path: Path) -> None:
    path, wanted = tmp_path / "journal.log", StopWhen(no_improvement=1000)
    study = Study("s", "maximize", path)
    race = searched(study, 150, trials=60, stop_when=wanted).race
    before = race.rules.end_rules[0]
    study.flush()
    study.close()
    again = Study("s", "maximize", path)
    after = Search(toy_sweep(trials=60, stop_when=wanted), Toy, again).race(2).rules.end_rules[0]
    assert isinstance(before, Plateau) and isinstance(after, Plateau)
    assert again.facts()[INCUMBENT]["trial"] is not None
    assert after.num_since == before.num_since > 0


def test_bound_of_the_regret_shrinks_as_the_best_is_found_and_is_in_the_objectives_unit() -> None:
    space, bounds = Space({"x": Uniform(0, 1)}), dict[float, float]()
    for unit in (1.0, 100.0):
        rule = Regret(0.02 * unit, space, LOSS, 0, 1)
        for index in range(20):
            x = index / 19
            rule.ended(track(index, "done", unit * (x - 0.6) ** 2, x))
        assert rule.reason(), rule.bound
        assert rule.bound is not None and 0 <= rule.bound < 0.02 * unit
        bounds[unit] = rule.bound
    assert bounds[100.0] == pytest.approx(100 * bounds[1.0], rel=0.05)


def test_bound_stays_large_while_a_part_of_the_space_is_unknown() -> None:
    rule = Regret(0.01, Space({"x": Uniform(0, 1)}), LOSS, 0, 1)
    for index in range(20):
        x = 0.3 * index / 19
        rule.ended(track(index, "done", (x - 0.9) ** 2, x))
    assert rule.reason() is None
    assert rule.bound is not None and rule.bound > 0.01


def test_bound_reaches_from_the_best_trials_upper_to_the_spaces_lower_confidence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By a model that knows nothing but a spread of a half."""
    asked: list[tuple[np.ndarray, np.ndarray]] = []

    class Flat:
        def predict(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            return np.zeros(len(points)), np.full(len(points), 0.5)

    def posterior(points: np.ndarray, values: np.ndarray, *_: object) -> Flat:
        asked.append((points, values))
        return Flat()

    monkeypatch.setattr(GaussianProcess, "posterior", posterior)
    rule = Regret(1e-9, Space({"x": Uniform(0, 1)}), ACCURACY, 0, 9)
    for index in range(20):
        each = replace(track(index, x=index / 19), objective=ACCURACY)
        each.measure(1, 0.5)
        each.reached(1)
        each.measure(9, 0.5 + index % 2)
        each.state = "done"
        rule.ended(each)
    assert rule.reason() is None
    (points, values), *_ = asked
    assert {(time, float(f"{value:.3f}")) for time, value in zip(points[:, 1].tolist(), values, strict=True)} == {
        (1.0, -1.732), (1.0, 0.577), (0.0, 0.577)
    }, "lower is better; the time of the first epoch is 0, and 1 that of the last"  # fmt: skip
    width = 0.5 * math.sqrt(0.4 * math.log(20**2 * math.pi**2 / 0.6))
    assert rule.bound == pytest.approx(2 * width * np.std([0.5] * 30 + [1.5] * 10))


def test_regret_needs_trials_that_have_come_to_a_value() -> None:
    rule = Regret(1e9, Space({"x": Uniform(0, 1)}), LOSS, 0, 1)
    for index in range(40):
        rule.ended(track(index, "failed", 0.1 if index % 2 else None))
    assert rule.reason() is None and rule.bound is None


def test_trials_that_break_a_constraint_have_no_part_in_the_bound() -> None:
    rule = Regret(0.02, Space({"x": Uniform(0, 1)}), LOSS, 0, 1)
    for index in range(60):
        value = -1e300 if index % 3 else (index / 59 - 0.6) ** 2
        rule.moved(bounded_track(index, value, index / 59, latency=4.5 + index % 3))
    assert rule.reason() and rule.bound is not None and 0 <= rule.bound < 0.02, "20 of the 60 keep the limit"


def test_the_bound_is_of_the_space_as_it_is_now() -> None:
    wide, rule = (Regret(1e9, Space({"x": Choice(values)}), LOSS, 0, 1) for values in ((0, 1, 2, 3), (0, 1)))
    for index in range(30):
        for each in (wide, rule):
            each.ended(track(index, "done", 0.1 * index, index % 4))
    assert wide.reason()
    assert rule.reason() is None, "15 of the trials are of the narrower space"
    for index in range(30, 36):
        rule.ended(track(index, "done", 0.1 * index, index % 2))
    assert rule.reason()


def test_search_ends_by_its_bound() -> None:
    race = searched(None, trials=100, stop_when=StopWhen(regret_below=10.0)).race
    assert race.closing and race.closing.startswith("no configuration is likely to be better by more than 10")
    assert len(race.tracks) < 100 and race.rules.objective == ACCURACY
