"""Who trains next is asked for while all lanes train, where that costs next to no knowledge."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from cluster.lanes.tune import LegSearcher, Watch
from search_spaces.race.legs import Leg, MemberEpoch, Saved
from search_spaces.race.new_trials import LITTLE
from search_spaces.race.race import Race
from search_spaces.race.search import Search
from tests.helpers.toy_race import METRIC, Toy, toy_sweep

WIDTH, TRIALS = 4, 60


def a_race(**changes: Any) -> Race:
    sweep = toy_sweep(trials=TRIALS, train_together=WIDTH, epochs=1, early_terminate={"type": "none"}, **changes)
    return Search(sweep, Toy, None).race(2, fill=0.0)


def trained(race: Race, leg: Leg, seconds: float) -> None:
    race.reported(leg.id, [MemberEpoch(key=m.key, epoch=1, metrics={METRIC: 0.5}) for m in leg.members])
    race.saved(leg.id, [Saved(key=m.key, epoch=1, uri=m.key) for m in leg.members])
    race.finished_leg(leg.id, seconds, len(leg.members))


def both_lanes_train(race: Race, num_known: int, seconds: float) -> None:
    """And at least ``num_known`` trials have a value."""
    while sum(track.state == "done" for track in race.tracks) < num_known:
        leg = race.next_leg()
        assert leg is not None
        trained(race, leg, seconds)
    assert race.next_leg() and race.next_leg()


def num_asked(race: Race) -> int:
    before = len(race.tracks)
    race.look_ahead()
    return len(race.tracks) - before


def num_new(race: Race) -> int:
    return sum(track.state == "ready" for track in race.tracks)


def test_short_legs_are_asked_for_ahead_once_enough_is_known() -> None:
    race = a_race()
    both_lanes_train(race, round(3 * WIDTH / LITTLE), seconds=0.1)
    new = num_new(race)
    assert num_asked(race) == WIDTH - new > 0 and num_new(race) == WIDTH
    assert num_asked(race) == 0, "they have not begun yet"


def test_while_little_is_known_nobody_is_asked_for_ahead() -> None:
    race = a_race()
    both_lanes_train(race, WIDTH, seconds=0.1)
    assert num_asked(race) == 0


def test_beside_long_legs_asking_is_nothing_and_comes_as_late_as_it_can() -> None:
    race = a_race()
    both_lanes_train(race, round(3 * WIDTH / LITTLE), seconds=60.0)
    assert num_asked(race) == 0


def test_a_race_that_closes_or_has_all_its_trials_asks_for_no_more() -> None:
    race = a_race()
    both_lanes_train(race, round(3 * WIDTH / LITTLE), seconds=0.1)
    race.closing = "enough"
    assert num_asked(race) == 0
    race = a_race()
    both_lanes_train(race, TRIALS - 4 * WIDTH, seconds=0.1)
    while num_asked(race):
        assert race.next_leg()
    assert len(race.tracks) <= TRIALS


@pytest.mark.parametrize(("num_legs", "asked"), [(0, 0), (1, 0), (2, 1)])
def test_tune_s_idle_turns_look_ahead_while_every_lane_has_a_leg(num_legs: int, asked: int) -> None:
    turns: list[int] = []
    coordinator = cast(Any, SimpleNamespace(look_ahead=lambda: turns.append(1), overdue=list))
    lanes = SimpleNamespace(sharing=None, wanted=lambda: 2, size=SimpleNamespace(count=2))
    searcher = LegSearcher(coordinator, cast(Any, lanes), careful=False)
    searcher.legs = {f"t{i}": ("search", i) for i in range(num_legs)}
    tune: Any = SimpleNamespace(get_trials=list, get_live_trials=set)
    assert Watch(coordinator, searcher, 2, lambda: None).choose_trial_to_run(tune) is None
    assert len(turns) == asked
