"""A race with a budget: never passed, spent on the most promising at last, counted across resumes."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

from search_spaces.race.ending.budget import Limits, Purse
from search_spaces.race.roster import Roster
from search_spaces.race.search import Search
from search_spaces.race.seeds.retests import Retests
from search_spaces.race.track import Track
from search_spaces.schedules.asha import Asha
from search_spaces.simulation.clock import World as Clock
from search_spaces.simulation.clock import simulate
from search_spaces.spec.keys.budget import Budget
from search_spaces.study.study import Study
from tests.helpers.toy_race import ACCURACY, Luck, Tally, Toy, World, curve, toy_sweep


def world(study: Study | None = None, luck: Luck | None = None, seed: int = 0, **changes: Any) -> World:
    tally = Tally()
    race = Search(toy_sweep(**changes), Toy, study).race(2, [tally])
    tally.ends.update(track.index for track in race.tracks if track.ended and track.index not in tally.ends)
    return World(race, tally, luck or Luck(), Random(seed))


def trained(it: World) -> int:
    return sum(max(track.values, default=0) for track in it.race.tracks)


@pytest.mark.parametrize("schedule", ["asha", "asha_stopping", "hyperband", "median", "none"])
@pytest.mark.parametrize("epochs", [9, 30, 61])
def test_budget_is_never_passed_and_somebody_is_trained_to_the_end(schedule: str, epochs: int) -> None:
    for seed in range(2):
        it = world(seed=seed, trials=40, early_terminate={"type": schedule}, budget=Budget(epochs=epochs))
        it.run()
        assert trained(it) == it.race.purse.epochs <= epochs
        assert any(track.state == "done" for track in it.race.tracks)
        left = epochs - trained(it)
        but = f" but for {left}, too few for " if left else ""
        assert it.race.closing and it.race.closing.startswith(f"the budget of {epochs} epochs is used up{but}")


def test_budget_that_suffices_changes_nothing() -> None:
    free, rich = world(trials=20), world(trials=20, budget=Budget(epochs=10_000))
    free.run()
    rich.run()
    assert [track.values for track in rich.race.tracks] == [track.values for track in free.race.tracks]
    assert rich.race.closing is None


def test_rest_is_spent() -> None:
    it = world(trials=1000, early_terminate={"type": "asha"}, budget=Budget(epochs=200))
    it.run()
    assert 0.9 * 200 <= trained(it) <= 200
    best = it.race.ranked()[0]
    assert best.state == "done", "the most promising goes to the last epoch"


@pytest.mark.parametrize("schedule", ["curves", "median", "percentile"])
def test_what_early_stops_save_goes_to_further_trials(schedule: str) -> None:
    """The search ended with up to half of its budget left, and said that it was used up."""
    it = world(trials=90, epochs=10, early_terminate={"type": schedule}, budget=Budget(epochs=200))
    it.run()
    left = 200 - trained(it)
    assert 0 < left < 10 and it.race.closing == (
        f"the budget of 200 epochs is used up but for {left}, too few for another trial"
    )


def test_paused_trial_keeps_no_part_of_the_budget() -> None:
    rule = {"type": "pbt", "population": 4, "interval": 2}
    it = world(trials=6, epochs=10, early_terminate=rule, budget=Budget(epochs=42))
    while len(it.race.tracks) < 2 or it.race.tracks[1].epoch < 2:
        it.step()
    it.race.steer(it.race.tracks[1], "pause", "paused by ann")
    it.run()
    assert [track.state for track in it.race.tracks] == ["done", "stopped", "done", "done", "done"]
    assert trained(it) == 42 and it.race.closing == "the budget of 42 epochs is used up"


def test_search_takes_as_many_trials_as_can_be_brought_to_their_end() -> None:
    it = world(trials=100, early_terminate={"type": "none"}, budget=Budget(epochs=50))
    it.run()
    assert [track.state for track in it.race.tracks] == ["done"] * 5
    assert trained(it) == 45


def test_epochs_that_are_trained_twice_count_twice() -> None:
    it = world(trials=40, luck=Luck(crash=0.1), max_retries=50, budget=Budget(epochs=100))
    it.run()
    assert trained(it) < it.race.purse.epochs
    assert it.race.purse.epochs <= 100 + 9 * 3  # what a crash wastes is of legs that had begun


def test_hours_are_epochs_at_the_speed_so_far() -> None:
    it = world(trials=40, budget=Budget(lane_hours=60 / 3600))
    while not it.race.finished:
        it.step()
        it.race.purse.lane_s = it.race.purse.epochs * 1.0  # a second an epoch
    percent = round(100 * (1 - trained(it) / 60))
    assert it.race.closing == (
        f"the budget of 0.0166667 lane-hours is used up but for {percent} %, too little for another trial"
    )
    assert 50 <= trained(it) <= 60 and any(track.state == "done" for track in it.race.tracks)


def test_the_rest_is_kept_for_the_best_and_goes_to_it_at_last() -> None:
    best, other = tracks = Search(toy_sweep(trials=2), Toy, None).more([], 2, None)
    for epoch in (1, 2, 3):
        best.measure(epoch, 0.9)
    other.measure(1, 0.1)
    best.epoch, best.state, other.epoch = 3, "paused", 1

    def affordable(rest: int, able: list[Track], last: bool) -> list[Track]:
        purse = Purse(Limits(epochs=4 + rest), Asha(9), Roster(ACCURACY, (1, 3, 9), tracks), ACCURACY)
        return list(purse.affordable(able, last))

    assert affordable(7, [other], False) == [] and affordable(8, [other], False) == [other], (
        "the best takes six more"
    )
    assert affordable(6, [], True) == [best] and affordable(5, [], True) == affordable(6, [], False) == []


def test_what_earlier_drivers_used_counts_beside_what_the_tracks_tell() -> None:
    (track,) = Search(toy_sweep(trials=1), Toy, None).more([], 1, None)
    purse = Purse(Limits(lane_s=1000.0), Asha(9), Roster(ACCURACY, (1, 3, 9), [track]), ACCURACY)
    for epochs, lane_s in ((50, 100.0), (1, 1.0), (50, 100.0)):
        purse.had(epochs, lane_s)
        assert (purse.epochs, purse.lane_s, purse.left) == (50, 100.0, 450.0), "at two seconds an epoch"


def test_budget_counts_across_a_resume(tmp_path: Path) -> None:
    study, budget = Study("s", "maximize", tmp_path / "journal.log"), Budget(epochs=60)
    first = world(study, trials=40, budget=budget)
    first.run(60)
    study.flush()
    study.close()
    used = first.race.purse.epochs
    assert 0 < used < 60
    again = Study("s", "maximize", tmp_path / "journal.log")
    second = world(again, trials=40, budget=budget)
    second.disk |= first.disk
    second.race.purse.had(used, 0.0)
    second.run()
    assert used < second.race.purse.epochs <= 60
    assert trained(second) <= 60 and any(track.state == "done" for track in second.race.tracks)


def test_retests_begin_only_where_the_budget_pays_for_them(tmp_path: Path) -> None:
    """A trial was said to be trained again that the rest was too small for."""
    limits = {"early_terminate": {"type": "none"}, "budget": Budget(epochs=36 + 9 + 8)}
    sweep = toy_sweep(trials=4, train_together=1, **limits)
    search = Search(sweep, Toy, Study("toy", "maximize", tmp_path / "journal.log"))
    assert search.study is not None
    simulate(race := search.race(1), Clock(curve))
    retests = Retests(search.study, sweep.epochs, share=0.9)
    again = retests.race(race)
    simulate(again, Clock(curve))
    assert [track.state for track in again.tracks] == ["done"] and not retests.owed(race)
