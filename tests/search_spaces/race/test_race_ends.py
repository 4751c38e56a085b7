"""How members leave the race before its end, and who rides together afterwards."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import pytest

from search_spaces.race.legs import MemberEpoch, Saved
from search_spaces.race.search import Search
from search_spaces.simulation.clock import World as SimulatedWorld
from search_spaces.simulation.clock import simulate
from search_spaces.space.domains import Uniform
from search_spaces.space.space import Space
from search_spaces.spec.sweep import Metric
from search_spaces.study.study import Study
from search_spaces.types.failure import FailureReason
from search_spaces.types.problems import Goal
from search_spaces.types.values import Params
from tests.helpers.toy_race import METRIC, Toy, curve, toy_sweep
from tests.search_spaces.race.test_race import began, reported, saved


def test_survivors_of_several_cohorts_ride_together() -> None:
    sweep = toy_sweep(trials=18, train_together=9, space=toy_sweep().space)
    starts = tuple({"lr": i / 17, "size": 1} for i in range(17))
    race = Search(sweep.model_copy(update={"start_from": starts}), Toy, None).race(1)
    joint = []
    while leg := race.next_leg():
        joint.append((leg.start, len(leg.members)))
        for epoch in range(leg.start + 1, leg.stop + 1):
            reported(race, leg, epoch, {m.trial: curve(m.params, epoch) for m in leg.members})
        saved(race, leg, leg.stop)
        race.finished_leg(leg.id)

    assert joint[:3] == [(0, 9), (0, 9), (1, 6)] or joint[:3] == [(0, 9), (0, 8), (1, 5)]


def test_of_those_that_may_go_on_the_best_goes_first() -> None:
    starts = tuple({"lr": i / 10, "size": 1} for i in range(5))
    race = Search(toy_sweep(trials=6, train_together=1, start_from=starts), Toy, None).race(6)
    for leg in [began(race) for _ in range(6)]:
        reported(race, leg, 1, {leg.members[0].trial: 0.1 * leg.members[0].trial})
        saved(race, leg, 1)
        race.finished_leg(leg.id)
    assert [began(race).members[0].trial for _ in range(2)] == [5, 4]


@pytest.mark.parametrize(
    ("values", "standing"),
    [
        ((0.5, 0.4, 0.6), ("paused", {1: 0.4}, "paused")),
        ((0.5, 0.9, 0.6), ("done", {1: 0.9, 3: 0.9}, "done")),
    ],
)
def test_a_member_that_improves_no_more_passes_the_same_decisions_as_the_others(
    tmp_path: Path, values: tuple[float, ...], standing: tuple[str, dict[int, float], str]
) -> None:
    """It is told as complete only where the schedule would have trained it to its end."""
    sweep = toy_sweep(trials=3, train_together=3, start_from=({"lr": 0.1, "size": 1}, {"lr": 0.2, "size": 1}))
    study = Study("toy", "maximize", tmp_path / "journal.log")
    race = Search(sweep, Toy, study).race(1)
    leg = began(race)
    told = [
        MemberEpoch(key=member.key, epoch=1, metrics={METRIC: value}, finished=member.trial == 1)
        for member, value in zip(leg.members, values, strict=True)
    ]
    race.reported(leg.id, told)
    saved(race, leg, 1)
    race.finished_leg(leg.id)
    for track in (race.tracks[1], Search(sweep, Toy, study).race(1).tracks[1]):
        assert (track.state, track.rung, track.observation().state) == ("paused", 1, "paused")

    following = race.next_leg()
    assert following is None or 1 not in [member.trial for member in following.members]
    for track in (race.tracks[1], Search(sweep, Toy, study).race(1).tracks[1]):
        assert (track.state, track.scores, track.observation().state, track.epoch) == (*standing, 1)
    assert [record.outcome for record in study.records()][1] == {"paused": None, "done": "done"}[standing[0]]


def test_a_member_that_ends_where_it_was_to_go_on_stands_at_the_next_rung(tmp_path: Path) -> None:
    """Users' code tells only then that it had ended; what it told at that epoch stays."""
    starts = tuple({"lr": 0.1 * (1 + i), "size": 1} for i in range(3))
    sweep, study = (
        toy_sweep(trials=3, train_together=1, start_from=starts),
        Study("toy", "maximize", tmp_path / "j"),
    )
    race = Search(sweep, Toy, study).race(3)
    for leg in [began(race) for _ in range(3)]:
        reported(race, leg, 1, {leg.members[0].trial: 0.1 * leg.members[0].trial})
        saved(race, leg, 1)
        race.finished_leg(leg.id)
    leg = began(race)
    assert (leg.start, leg.stop, leg.members[0].trial) == (1, 3, 2)
    told = MemberEpoch(key=leg.members[0].key, epoch=1, metrics={METRIC: 0.2}, finished=True)
    assert race.reported(leg.id, [told]) == []
    saved(race, leg, 1)
    race.finished_leg(leg.id)
    for track in (race.tracks[2], Search(sweep, Toy, study).race(1).tracks[2]):
        assert (track.state, track.rung, track.scores, track.epoch) == ("paused", 3, {1: 0.2, 3: 0.2}, 1)
    while race.next_leg():
        pass
    assert race.tracks[2].epoch == 1


def test_a_sampler_sees_a_member_that_improves_no_more_at_the_rung_where_it_waits() -> None:
    sweep = toy_sweep(trials=9, train_together=9, early_terminate={"type": "asha", "min_iter": 3})
    race = Search(sweep, Toy, None).race(1)
    leg = began(race)
    key = leg.members[0].key
    race.reported(leg.id, [MemberEpoch(key=key, epoch=1, metrics={METRIC: 0.7})])
    race.reported(leg.id, [MemberEpoch(key=key, epoch=2, metrics={METRIC: 0.5}, finished=True)])
    race.saved(leg.id, [Saved(key=key, epoch=2, uri="x")])
    race.failed_leg(leg.id, FailureReason("lane_died", "killed"), to_blame=False)
    seen = race.tracks[leg.members[0].trial].observation()
    assert (seen.state, dict(seen.values)) == ("paused", {1: 0.7, 2: 0.5, 3: 0.7})


def test_a_finished_member_whose_end_was_not_written_is_done_in_the_next_life(tmp_path: Path) -> None:
    sweep = toy_sweep(trials=1, early_terminate={"type": "none"})
    study = Study("toy", "maximize", tmp_path / "journal.log")
    race = Search(sweep, Toy, study).race(1)
    leg = began(race)
    reported(race, leg, 1, {0: 0.5})
    race.reported(leg.id, [MemberEpoch(key="t0000-s0", epoch=2, metrics={METRIC: 0.4}, finished=True)])
    saved(race, leg, 2)

    (track,) = Search(sweep, Toy, study).race(1).tracks
    assert (track.state, track.best_value, track.epoch) == ("done", 0.5, 2)


@pytest.mark.parametrize("lost", [True, False])
def test_a_lane_that_dies_after_a_member_finished_loses_nothing(lost: bool) -> None:
    race = Search(toy_sweep(trials=1, early_terminate={"type": "none"}), Toy, None).race(1)
    leg = began(race)
    race.reported(leg.id, [MemberEpoch(key="t0000-s0", epoch=1, metrics={METRIC: 0.5}, finished=True)])
    if not lost:
        saved(race, leg, 1)
    race.failed_leg(leg.id, FailureReason("lane_died", "killed"))
    assert race.tracks[0].state == ("ready" if lost else "done")
    if lost:
        leg = began(race)
        race.reported(leg.id, [MemberEpoch(key="t0000-s0", epoch=1, metrics={METRIC: 0.5}, finished=True)])
        saved(race, leg, 1)
        race.finished_leg(leg.id)
    assert race.tracks[0].state == "done"


def test_minimising_keeps_the_smallest() -> None:
    sweep = toy_sweep(metric=Metric(name=METRIC, goal="minimize"), early_terminate={"type": "none"})
    race = Search(sweep, Toy, None).race(2)
    simulate(race, SimulatedWorld(lambda params, epoch: params["lr"] * 10 - epoch, num_lanes=2))

    values = [track.best_value for track in race.ranked()]
    assert values == sorted(values)
    assert race.ranked()[0].params["lr"] == min(track.params["lr"] for track in race.tracks)
    assert race.ranked()[0].best_epoch == 9


@pytest.mark.parametrize(
    ("goal", "values"), [("maximize", [0.5, 0.9, 0.7, 0.9, 0.8]), ("minimize", [3, 1, 2, 1, 1.5])]
)
def test_of_equal_best_epochs_the_last_counts(goal: Goal, values: list[float]) -> None:
    sweep = toy_sweep(metric=Metric(name=METRIC, goal=goal), early_terminate={"type": "none"}, epochs=5, trials=1)
    race = Search(sweep, Toy, None).race(1)
    simulate(race, SimulatedWorld(lambda params, epoch: values[epoch - 1], num_lanes=1))

    assert {track.best_epoch for track in race.ranked()} == {4}


@pytest.mark.parametrize("num_lanes", [1, 4])
@pytest.mark.parametrize("seed", range(4))
def test_somebody_is_trained_to_the_end_where_the_best_diverge_late(seed: int, num_lanes: int) -> None:
    """The two thirds that lead until epoch 3 diverge at epoch 4: their places go to the others."""
    sweep = toy_sweep(trials=12, seed=seed, space=Space({"lr": Uniform(0, 1)}), train_together=1)
    race = Search(sweep, Toy, None).race(num_lanes)

    def late(params: Params, epoch: int) -> float:
        lr = float(params["lr"] or 0)
        return math.nan if lr > 0.33 and epoch > 3 else lr + 0.01 * epoch

    simulate(race, SimulatedWorld(late, num_lanes=num_lanes))
    ends = Counter(track.state for track in race.tracks)
    assert ends["done"] and ends["failed"] > 1, ends
    assert race.ranked()[0].state == "done"
