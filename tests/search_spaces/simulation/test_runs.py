"""Searches on recorded curves: the very race, its times and its regret."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from search_spaces.race.search import Search
from search_spaces.simulation.clock import Span, World, simulate
from search_spaces.simulation.recorded import Recorded, load
from search_spaces.simulation.runs import RecordedSampler, marks, means, run
from search_spaces.simulation.simulable import not_simulated
from search_spaces.spec.keys.budget import Budget
from search_spaces.spec.sweep import Sweep
from tests.helpers.curve_table import write_curves
from tests.helpers.toy_race import SPACE, Toy, curve, toy_sweep


def setting(tmp_path: Path, **changes: Any) -> tuple[Sweep, Recorded]:
    sweep = toy_sweep(**{"trials": 15, "train_together": 1, **changes})
    return sweep, load(write_curves(tmp_path / "curves.csv", SPACE, 9), sweep)


def test_each_proposal_is_a_recorded_configuration_that_no_trial_had(tmp_path: Path) -> None:
    sweep, recorded = setting(tmp_path, trials=100)
    search = Search(sweep, Toy, None)
    search.sampler = RecordedSampler(search.sampler, recorded)
    race = search.race(2)
    simulate(race, World(recorded.value, num_lanes=2))
    first, *others = [track.searched for track in race.tracks]
    assert first == {"lr": 0.5, "size": 1}, "the defaults, for which the nearest stands in"
    assert [recorded.configurations[recorded.of(params)] for params in others] == others
    assert len(race.tracks) == 20 == len({recorded.of(track.searched) for track in race.tracks})


def test_full_training_finds_the_best_and_takes_as_long_as_was_recorded(tmp_path: Path) -> None:
    sweep, recorded = setting(tmp_path, trials=100, early_terminate={"type": "none"})
    whole = run(sweep, Toy, recorded, "none", 1)
    assert (whole.trials, whole.epochs, whole.promotions, whole.reached) == (20, 180, 0, {9: 20})
    assert whole.seconds == pytest.approx(sum(sum(seconds.values()) for seconds in recorded.seconds))
    assert whole.lane_use == pytest.approx(1) and whole.regret[-1][1] == 0
    assert whole.regret_at(0.5) != whole.regret_at(0.5), "nothing is known yet"
    times = [time_s for time_s, _ in whole.regret]
    assert times == sorted(times) and whole.regret_at(1e9) == 0


def test_schedules_and_lanes_are_compared_at_the_same_times(tmp_path: Path) -> None:
    runs = []
    for kind in ("asha", "none"):
        sweep, recorded = setting(tmp_path, early_terminate={"type": kind})
        runs += [
            run(sweep.model_copy(update={"seed": seed}), Toy, recorded, kind, lanes)
            for lanes in (1, 4)
            for seed in (0, 1)
        ]
    at, rows = marks(runs), means(runs)
    assert at[-1] == max(run.seconds for run in runs) and at[0] == at[-1] / 16
    assert [(row.schedule, row.lanes, row.runs) for row in rows] == [
        ("asha", 1, 2),
        ("asha", 4, 2),
        ("none", 1, 2),
        ("none", 4, 2),
    ]
    one, four, full, _ = rows
    assert four.seconds < one.seconds < full.seconds and one.epochs < full.epochs == 15 * 9
    assert 1 <= one.trained_to_end < full.trained_to_end == 15 and one.promotions > 0
    assert len(one.regret) == len(at)


def test_equal_seeds_give_equal_runs(tmp_path: Path) -> None:
    sweep, recorded = setting(tmp_path, method="tpe")
    assert run(sweep, Toy, recorded, "asha", 3) == run(sweep, Toy, recorded, "asha", 3)


def test_a_timeout_ends_a_search(tmp_path: Path) -> None:
    sweep, recorded = setting(tmp_path, timeout_s=30.0, early_terminate={"type": "none"})
    cut = run(sweep, Toy, recorded, "none", 1)
    assert 30 < cut.seconds < 33 and cut.trials < 15


def test_hours_of_a_budget_are_those_of_all_lanes(tmp_path: Path) -> None:
    budget = Budget(lane_hours=30 / 3600)
    sweep, recorded = setting(tmp_path, budget=budget, early_terminate={"type": "none"})
    for lanes in (1, 2):
        cut = run(sweep, Toy, recorded, "none", lanes)
        assert 20 < cut.seconds * lanes < 36 and cut.trials < 15


@pytest.mark.parametrize("kind", ["asha", "hyperband", "none"])
def test_a_race_is_the_same_whether_a_leg_reports_each_epoch_or_all_at_its_end(kind: str) -> None:
    def raced(each_epoch: bool) -> tuple[object, list[Span]]:
        spans: list[Span] = []
        sweep = toy_sweep(train_together=1, early_terminate={"type": kind})
        race = Search(sweep, Toy, None).race(2)
        simulate(race, World(curve, num_lanes=2, each_epoch=each_epoch), seen=spans.append)
        return [(track.state, track.values) for track in race.tracks], spans

    assert raced(True) == raced(False)


def test_constraints_and_further_metrics_are_those_of_the_table(tmp_path: Path) -> None:
    table = write_curves(tmp_path / "curves.csv", SPACE, 9, cost="latency_ms")
    limits = {"constraints": [{"metric": "latency_ms", "max": 0.5}], "early_terminate": {"type": "none"}}
    sweep = toy_sweep(trials=20, train_together=1, **limits)
    recorded = load(table, sweep)
    kept = [curve[9] for curve in recorded.values if curve[9] <= 0.5 * (1 - 0.8**9)]
    found = run(sweep, Toy, recorded, "none", 1)
    assert recorded.top == max(kept) and found.regret[-1][1] == 0 and found.trials == 20
    assert found.epochs == 9 * len(kept) + (20 - len(kept)), "what breaks it ends after an epoch"
    two = [{"name": "val_accuracy", "goal": "maximize"}, {"name": "latency_ms", "goal": "minimize"}]
    several = toy_sweep(trials=20, train_together=1, metrics=two)
    assert run(several, Toy, load(table, several), "asha", 1).reached[9] < 20, "rungs promote by both"
    assert not_simulated(toy_sweep(trials=21, retest=0.1), recorded) == [
        "retest: the table has each configuration once, and none is trained again",
        "trials: 21 are more than the configurations of the table, so that 20 are tried",
    ]
