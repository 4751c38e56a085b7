"""Trials that users stop, pause and boost while the race runs, and what a resume knows of it."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

from search_spaces.race.legs import Leg, MemberEpoch, Saved
from search_spaces.race.race import Race
from search_spaces.race.search import Search
from search_spaces.race.steering import LEFT, Deed, refusal
from search_spaces.race.track import Track
from search_spaces.schedules.catalogue import SCHEDULES
from search_spaces.spec.keys.budget import Budget
from search_spaces.study.study import Study
from tests.helpers.toy_race import METRIC, Luck, Tally, Toy, World, toy_sweep


def race(study: Study | None = None, **changes: Any) -> Race:
    return Search(toy_sweep(**{"train_together": 1, **changes}), Toy, study).race(1)


def train(it: Race, leg: Leg, until: int | None = None) -> None:
    """Train a leg, or a part of it; lower numbers do better."""
    for epoch in range(leg.start + 1, (until or leg.stop) + 1):
        it.reported(
            leg.id,
            [MemberEpoch(key=m.key, epoch=epoch, metrics={METRIC: 1.0 - m.trial / 100}) for m in leg.members],
        )
    it.saved(leg.id, [Saved(key=m.key, epoch=until or leg.stop, uri=f"{m.key}/{leg.id}") for m in leg.members])
    it.finished_leg(leg.id)


def begun(it: Race) -> Leg:
    leg = it.next_leg()
    assert leg
    return leg


def rest(it: Race) -> list[int]:
    """Train all that is left; return the trials in the order of their legs."""
    order = []
    while leg := it.next_leg():
        order.append(leg.members[0].trial)
        train(it, leg)
    return order


def test_stopped_trial_ends_at_once_and_what_its_leg_still_tells_is_passed_over() -> None:
    it = race(trials=3)
    leg = begun(it)
    track = it.tracks[0]
    it.steer(track, "stop", "stopped by ann")
    assert track.state == "stopped" and track.failure and track.failure.text == "it was stopped by ann"
    train(it, leg)
    assert not track.values and track.checkpoint is None
    assert 0 not in rest(it)
    assert refusal(track, "pause") == "has ended"


def test_paused_trial_keeps_its_weights_and_goes_on_when_it_may() -> None:
    it = race(trials=4, early_terminate={"type": "none"})
    leg = begun(it)
    it.steer(it.tracks[0], "pause", "paused")
    assert refusal(it.tracks[0], "pause") == "is paused already"
    train(it, leg, until=4)
    assert it.tracks[0].state == "ready" and it.tracks[0].epoch == 4
    second = begun(it)
    assert second.members[0].trial == 1
    it.steer(it.tracks[0], "unpause", "let go on")
    train(it, second)
    third = begun(it)
    assert (third.members[0].trial, third.start) == (0, 4)


def test_a_trial_that_is_paused_before_its_first_epoch_does_not_end_the_search() -> None:
    it = race(trials=3, early_terminate={"type": "none"})
    leg = begun(it)
    it.steer(it.tracks[0], "pause", "paused")
    it.finished_leg(leg.id)
    leg = begun(it)
    assert leg.members[0].trial == 1 and not it.tracks[0].ended
    train(it, leg)
    it.steer(it.tracks[0], "unpause", "let go on")
    assert sorted(rest(it)) == [0, 2] and all(track.state == "done" for track in it.tracks)


def test_paused_trial_holds_nobody_up_and_ends_with_the_search() -> None:
    it = race(trials=3, early_terminate={"type": "asha", "min_iter": 1, "eta": 3})
    leg = begun(it)
    it.steer(it.tracks[0], "pause", "paused")
    train(it, leg)
    rest(it)
    assert it.finished and it.tracks[0].state == "stopped"
    assert it.tracks[0].failure and it.tracks[0].failure.text == LEFT
    assert "done" in [track.state for track in it.tracks], "the others were waiting for it"


def worst_steered(deed: Deed) -> tuple[Race, Track]:
    """Return a race and its fourth trial, the worst so far, of which that is asked in its first leg."""
    it = race(trials=9, early_terminate={"type": "asha_stopping", "min_iter": 1, "eta": 3})
    for _ in range(3):
        train(it, begun(it))
    leg = begun(it)
    worst = it.tracks[leg.members[0].trial]
    it.steer(worst, deed, deed)
    train(it, leg)
    return it, worst


def test_boosted_trial_goes_to_the_last_rung_before_others_whatever_its_schedule_says() -> None:
    it, worst = worst_steered("boost")
    order = rest(it)
    assert order[:2] == [worst.index, worst.index] and worst.state == "done"


def test_boosted_trial_waits_for_nobody_at_a_rung() -> None:
    it = race(trials=9)
    train(it, begun(it))
    assert it.tracks[0].state == "paused"
    it.steer(it.tracks[0], "boost", "boosted")
    assert [begun(it).members[0].trial] == [0]
    assert refusal(it.tracks[0], "boost") == "is boosted already"
    it.steer(it.tracks[0], "unboost", "no longer boosted")
    assert not it.tracks[0].boosted


def test_boosted_trial_has_the_rest_of_a_budget() -> None:
    it = race(trials=40, budget=Budget(epochs=18), early_terminate={"type": "asha"})
    for _ in range(4):
        train(it, begun(it))
    last = it.tracks[-1]
    it.steer(last, "boost", "boosted")
    rest(it)
    assert last.state == "done" and it.purse.epochs <= 18


@pytest.mark.parametrize("kind", SCHEDULES)
def test_whatever_is_steered_every_trial_ends_once(kind: str) -> None:
    tally, random = Tally(), Random(kind)
    race = Search(toy_sweep(trials=20, early_terminate={"type": kind}), Toy, None).race(2, [tally])
    it = World(race, tally, Luck(crash=0.05), random)
    for _ in range(60):
        it.run(20)
        able = [track for track in it.race.tracks if not track.ended]
        if able:
            deed = random.choice(["stop", "pause", "unpause", "boost", "unboost"])
            it.race.steer(random.choice(able), deed, deed)  # type: ignore[arg-type] # one of them
    it.run()
    assert all(tally.ends[track.index] == 1 for track in it.race.tracks)


def test_resume_knows_what_was_asked(tmp_path: Path) -> None:
    study = Study("s", "maximize", tmp_path / "journal.log")
    it = race(study, trials=6)
    for _ in range(3):
        train(it, begun(it))
    it.steer(it.tracks[0], "pause", "paused by ann")
    it.steer(it.tracks[1], "boost", "boosted by bob")
    it.steer(it.tracks[2], "stop", "stopped by ann")
    study.flush()
    study.close()
    again = race(Study("s", "maximize", tmp_path / "journal.log"), trials=6)
    assert [(t.resting, t.boosted, t.state) for t in again.tracks] == [
        (True, False, "paused"),
        (False, True, "paused"),
        (False, False, "stopped"),
    ]
    assert [t.steered for t in again.tracks] == [["paused by ann"], ["boosted by bob"], ["stopped by ann"]]
    assert begun(again).members[0].trial == 1


def test_a_boost_takes_a_pause_back_also_of_one_that_was_boosted_before() -> None:
    it = race(trials=4, early_terminate={"type": "none"})
    train(it, begun(it), until=4)
    first = it.tracks[0]
    for deed in ("boost", "pause"):
        it.steer(first, deed, deed)  # type: ignore[arg-type] # one of them
    assert (first.resting, first.boosted, refusal(first, "boost")) == (True, True, None)
    it.steer(first, "boost", "boosted")
    assert (first.resting, first.boosted) == (False, True) and begun(it).members[0].trial == 0


def test_paused_trial_is_not_stopped_by_its_schedule() -> None:
    it, worst = worst_steered("pause")
    begun(it)
    assert worst.state == "paused"
    it.steer(worst, "unpause", "let go on")
    it.next_leg()
    assert worst.state == "stopped"


def test_observers_know_what_is_new_at_that_moment() -> None:
    class Watch(Tally):
        def moved(self, track: Track) -> None:
            told.append(track.just_steered)

    told: list[bool] = []
    it = Search(toy_sweep(trials=3), Toy, None).race(1, [Watch()])
    begun(it)
    told.clear()
    it.steer(it.tracks[0], "pause", "paused")
    assert told == [True] and not it.tracks[0].just_steered
