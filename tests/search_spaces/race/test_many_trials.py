"""What a trial costs in a race of many: no leg looks at the trials that have ended."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from types import FrameType
from typing import Any

import pytest

from search_spaces.race.contract import Rules
from search_spaces.race.legs import MemberEpoch, Saved
from search_spaces.race.race import Race
from search_spaces.race.roster import Roster
from search_spaces.race.search import Search
from search_spaces.race.track import Track
from search_spaces.schedules.full import Full
from search_spaces.simulation.clock import World, simulate
from tests.helpers.toy_race import ACCURACY, METRIC, Toy, curve, toy_sweep

NUM_TRIALS = 240


class Watched(Track):
    """A track that counts how often anything of it is read."""

    num_reads = 0

    def __getattribute__(self, name: str) -> Any:
        Watched.num_reads += 1
        return super().__getattribute__(name)


class Supply:
    """Source of tracks that all look the same."""

    def more(self, tracks: Sequence[Track], count: int, held: Track | None) -> list[Track]:
        return [
            Watched(index=n, trial=n, seed=0, searched={}, params={}, signature=(), objective=ACCURACY)
            for n in range(len(tracks), len(tracks) + count)
        ]


@pytest.mark.parametrize("width", [1, 8])
def test_a_trial_at_the_end_of_a_race_costs_what_one_at_its_beginning_does(width: int) -> None:
    rules = Rules(objective=ACCURACY, num_tracks=NUM_TRIALS, width=width, max_retries=0, keep_top=3)
    race = Race(rules, Full(1), Supply(), [])
    reads: list[int] = []
    while True:
        Watched.num_reads = 0
        if (leg := race.next_leg()) is None:
            break
        race.look_ahead()
        race.reported(
            leg.id, [MemberEpoch(key=m.key, epoch=1, metrics={METRIC: 1 / (1 + m.trial)}) for m in leg.members]
        )
        race.saved(leg.id, [Saved(key=m.key, epoch=1, uri=m.key) for m in leg.members])
        race.finished_leg(leg.id, 100.0)
        assert race.able
        reads.append(Watched.num_reads)
    assert len(reads) == NUM_TRIALS / width and race.finished
    assert max(reads[-10:]) <= 1.2 * min(reads[2:12])
    assert [track.checkpoint is not None for track in race.tracks] == [n < 3 for n in range(NUM_TRIALS)]


def test_the_best_of_those_that_ended_are_known_and_the_others_given_up_once() -> None:
    tracks = Supply().more([], 6, None)
    roster = Roster(ACCURACY, (1,), tracks)
    for index, value in enumerate((0.5, 0.9, 0.9, 0.1)):
        tracks[index].measure(1, value)
        tracks[index].state = "failed" if index == 1 else "done"
        roster.update(tracks[index])
    assert [track.index for track in roster.top(2)] == [2, 0] and list(roster.open) == [4, 5]
    assert [[track.index for track in roster.superfluous(2)] for _ in range(2)] == [[1, 3], []]


def test_random_search_shows_its_sampler_no_trials_and_others_what_has_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from search_spaces.samplers.shown_trials import ShownTrials

    for method in ("random", "tpe"):
        shown: list[int] = []
        real = ShownTrials._patch

        def counted(self: Any, number: int, shown: list[int] = shown, real: Any = real) -> None:
            shown.append(number)
            real(self, number)

        with monkeypatch.context() as patch:
            patch.setattr(ShownTrials, "_patch", counted)
            sweep = toy_sweep(method=method, trials=25, early_terminate={"type": "none"}, train_together=1)
            race = Search(sweep, Toy, None).race(1)
            simulate(race, World(curve))
        assert len(race.tracks) == 25
        assert shown == ([] if method == "random" else list(range(24)))


def test_asking_for_one_more_trial_calls_nothing_for_each_that_has_ended() -> None:
    num_calls = []
    for num in (100, 300):
        search = Search(toy_sweep(method="random", trials=400), Toy, None)
        tracks = search.more([], num, None)
        for track in tracks:
            track.measure(1, 0.5)
            track.state = "done"
        tracks += search.more(tracks, 1, None)
        num_calls.append(_num_calls(partial(search.more, tracks, 1, None)))
    assert num_calls[1] - num_calls[0] < 20, "for 200 trials more"


def _num_calls(action: Callable[[], object]) -> int:
    """Return how many functions of search_spaces are called by an action."""
    names: list[str] = []

    def called(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and "search_spaces" in frame.f_code.co_filename:
            names.append(frame.f_code.co_name)

    sys.setprofile(called)
    try:
        action()
    finally:
        sys.setprofile(None)
    return len(names)
