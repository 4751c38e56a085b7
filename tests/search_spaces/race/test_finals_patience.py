"""Final members that their patience ended: whatever dies, each ends at the same epoch and is scored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from search_spaces.race.contract import Rules
from search_spaces.race.finals import Finals
from search_spaces.race.legs import Leg, MemberEpoch, Saved, Scored
from search_spaces.race.race import Race
from search_spaces.race.track import Track
from search_spaces.study.study import Study
from search_spaces.types.failure import FailureReason
from tests.helpers.toy_race import ACCURACY, METRIC

RULES = Rules(objective=ACCURACY, num_tracks=1, width=1, max_retries=3)
EPOCHS, LAST = 20, 3


def final_race(study: Study) -> tuple[Finals, Race]:
    chosen = Track(index=4, trial=4, seed=0, searched={}, params={}, signature=(), objective=ACCURACY)
    finals = Finals(study, EPOCHS)
    return finals, finals.race([chosen], [1], RULES)


def train(race: Race, leg: Leg) -> None:
    """Train until patience ends the member, and save it; it is not scored yet."""
    [member] = leg.members
    for epoch in range(leg.start + 1, LAST + 1):
        told = MemberEpoch(key=member.key, epoch=epoch, metrics={METRIC: 0.9}, finished=epoch == LAST)
        race.reported(leg.id, [told])
    race.saved(leg.id, [Saved(key=member.key, epoch=LAST, uri=f"{member.key}/{LAST}")])


def next_leg(race: Race) -> Leg:
    leg = race.next_leg()
    assert leg is not None
    return leg


@pytest.fixture
def study(tmp_path: Path) -> Any:
    return Study("toy", "maximize", tmp_path / "journal.log")


def test_it_is_trained_again_after_a_crash_before_its_score(study: Study) -> None:
    _, race = final_race(study)
    train(race, next_leg(race))

    finals, race = final_race(study)
    leg = next_leg(race)
    assert leg.start == 0, "it must not train on behind its end"
    train(race, leg)
    finals.scored(race.tracks[0], Scored(key="t0004-s1", best_epoch=3, metrics={"test_accuracy": 0.8}))
    race.finished_leg(leg.id)
    assert (race.tracks[0].state, race.tracks[0].epoch) == ("done", LAST)


def test_it_is_done_after_a_crash_behind_its_score(study: Study) -> None:
    finals, race = final_race(study)
    train(race, next_leg(race))
    finals.scored(race.tracks[0], Scored(key="t0004-s1", best_epoch=3, metrics={"test_accuracy": 0.8}))

    _, race = final_race(study)
    assert race.tracks[0].state == "done" and race.next_leg() is None


def test_it_is_trained_again_where_its_lane_dies_before_the_score(study: Study) -> None:
    _, race = final_race(study)
    leg = next_leg(race)
    train(race, leg)
    race.failed_leg(leg.id, FailureReason("lane_died", "killed"))
    assert race.garbage == [f"t0004-s1/{LAST}"]
    leg = next_leg(race)
    assert (leg.start, leg.members[0].checkpoint) == (0, None)


def test_values_of_a_training_that_a_death_cut_off_are_forgotten(study: Study) -> None:
    _, race = final_race(study)
    leg = next_leg(race)
    race.reported(leg.id, [MemberEpoch(key="t0004-s1", epoch=1, metrics={METRIC: 0.99})])
    race.failed_leg(leg.id, FailureReason("lane_died", "killed"))
    train(race, next_leg(race))
    assert race.tracks[0].values == dict.fromkeys(range(1, LAST + 1), 0.9)


def test_values_of_a_training_that_goes_on_from_its_checkpoint_are_the_later_ones(study: Study) -> None:
    _, race = final_race(study)
    leg = next_leg(race)
    told = [MemberEpoch(key="t0004-s1", epoch=epoch, metrics={METRIC: 0.99}) for epoch in (1, 2)]
    race.reported(leg.id, told[:1])
    race.saved(leg.id, [Saved(key="t0004-s1", epoch=1, uri="here")])
    race.reported(leg.id, told[1:])
    race.failed_leg(leg.id, FailureReason("lane_died", "killed"))
    leg = next_leg(race)
    assert leg.start == 1
    race.reported(leg.id, [MemberEpoch(key="t0004-s1", epoch=2, metrics={METRIC: 0.5})])
    assert race.tracks[0].values == {1: 0.99, 2: 0.5}, "users' code may come to other ones with the same seed"


def failing(race: Race) -> None:
    """Let each member fail at its second epoch."""
    for leg in iter(race.next_leg, None):
        [member] = leg.members
        reason = FailureReason("raised", "KeyError: 'x'")
        race.reported(leg.id, [MemberEpoch(key=member.key, epoch=1, metrics={METRIC: 0.1})])
        race.reported(leg.id, [MemberEpoch(key=member.key, epoch=2, failure=reason)])
        race.finished_leg(leg.id)


def test_where_all_have_failed_all_are_trained_again(study: Study) -> None:
    _, race = final_race(study)
    failing(race)
    assert race.finished and race.tracks[0].failed

    finals, race = final_race(study)
    leg = next_leg(race)
    assert (leg.start, race.tracks[0].values, race.tracks[0].failure) == (0, {}, None)
    train(race, leg)
    finals.scored(race.tracks[0], Scored(key="t0004-s1", best_epoch=3, metrics={"test_accuracy": 0.8}))
    race.finished_leg(leg.id)
    assert race.tracks[0].values == dict.fromkeys(range(1, LAST + 1), 0.9), "none is of the training that failed"


def test_it_counts_with_the_epoch_at_which_it_was_judged(study: Study) -> None:
    finals, race = final_race(study)
    leg = next_leg(race)
    for epoch, value in enumerate((0.3, 0.9, 0.5), 1):
        told = MemberEpoch(key="t0004-s1", epoch=epoch, metrics={METRIC: value}, finished=epoch == LAST)
        race.reported(leg.id, [told])
    race.saved(leg.id, [Saved(key="t0004-s1", epoch=LAST, uri="here")])
    finals.scored(race.tracks[0], Scored(key="t0004-s1", best_epoch=LAST, metrics={"test_accuracy": 0.8}))
    assert race.tracks[0].best_value == 0.5
    race.finished_leg(leg.id)
    _, race = final_race(study)
    assert race.tracks[0].best_value == 0.5
