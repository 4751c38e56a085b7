"""The race under random luck, and put together again from its study at any point."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces.race.legs import Leg, MemberEpoch, Saved
from search_spaces.race.race import Race
from search_spaces.race.search import Search, progress
from search_spaces.race.track import ENDS, Track
from search_spaces.spec.sweep import Metric, Sweep
from search_spaces.study.study import Study
from search_spaces.types.failure import FailureReason
from tests.helpers.toy_race import FINITE, METRIC, Luck, Tally, Toy, World, curve, killed_after, toy_sweep

SLOW = settings(max_examples=60, deadline=None)
LUCK = st.builds(
    Luck,
    crash=st.sampled_from([0.0, 0.05, 0.3]),
    save=st.sampled_from([0.0, 0.3, 1.0]),
    poison=st.sampled_from([lambda params: False, lambda params: params["lr"] > 0.85]),
    diverges=st.sampled_from([lambda params: None, lambda params: int(params["lr"] * 30) % 10 or None]),
    finishes=st.sampled_from([lambda params: None, lambda params: int(params["lr"] * 70) % 10 or None]),
)


def world(sweep: Sweep, seed: int, luck: Luck | None = None, study: Study | None = None) -> World:
    search = Search(sweep, Toy, study)
    tally = Tally()
    race = search.race(2, [tally])
    tally.ends.update(track.index for track in race.tracks if track.state in ENDS and track.index not in tally.ends)
    return World(race, tally, luck or Luck(), Random(seed))


def began(race: Race) -> Leg:
    leg = race.next_leg()
    assert leg is not None
    return leg


def reported(race: Race, leg: Leg, epoch: int, values: dict[int, float]) -> None:
    keys = {member.trial: member.key for member in leg.members}
    found = [MemberEpoch(key=keys[t], epoch=epoch, metrics={METRIC: v}) for t, v in values.items()]
    race.reported(leg.id, found)


def saved(race: Race, leg: Leg, epoch: int) -> None:
    race.saved(leg.id, [Saved(key=m.key, epoch=epoch, uri=f"{m.key}/{epoch}") for m in leg.members])


@SLOW
@given(
    seed=st.integers(0, 10**6),
    luck=LUCK,
    cohort=st.sampled_from([1, 3, 8]),
    stop=st.sampled_from(["asha", "none"]),
    max_failures=st.integers(0, 2),
)
def test_whatever_happens_every_trial_ends_once_and_the_sweep_ends(
    seed: int, luck: Luck, cohort: int, stop: str, max_failures: int
) -> None:
    sweep = toy_sweep(train_together=cohort, early_terminate={"type": stop}, seed=seed, max_retries=max_failures)
    it = world(sweep, seed, luck)
    it.run()

    assert len(it.race.tracks) == sweep.trials
    assert all(track.state in ENDS for track in it.race.tracks)
    assert all(it.tally.ends[track.index] == 1 for track in it.race.tracks)
    for track in it.race.tracks:
        poisoned, diverging = luck.poison(track.params), luck.diverges(track.params)
        if poisoned:
            assert track.state in ("failed", "stopped") and not track.values
        finishing = luck.finishes(track.params) or 9
        if track.state == "done":
            assert sorted(track.values) == list(range(1, 1 + finishing)) and (diverging or 10) > finishing
        if track.state == "failed":
            assert diverging or it.alone[track.trial] == max_failures + 1
        assert all(epoch < (diverging or 10) for epoch in track.values)
        assert all(value == curve(track.params, epoch) for epoch, value in track.values.items())
    top = [track for track in it.race.ranked()[: it.race.rules.keep_top] if track.state == "done"]
    assert {track.checkpoint for track in top} <= it.disk.keys(), "the best one stays"
    assert len(it.disk) <= it.race.rules.keep_top, "and only the best one"


@SLOW
@given(seed=st.integers(0, 10**6), moment=st.integers(0, 60), luck=LUCK)
def test_stopping_ends_what_runs_and_starts_nothing(seed: int, moment: int, luck: Luck) -> None:
    it = world(toy_sweep(train_together=3, seed=seed), seed, luck)
    it.run(moment)
    it.race.closing = "enough"
    known = len(it.race.tracks)
    it.run()

    assert len(it.race.tracks) == known
    assert all(track.state in ENDS for track in it.race.tracks)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), moments=st.lists(st.integers(1, 50), max_size=4), luck=LUCK)
def test_a_race_killed_at_any_point_goes_on_from_its_study(seed: int, moments: list[int], luck: Luck) -> None:
    sweep = toy_sweep(train_together=3, seed=seed, trials=9)
    it, records = killed_after(lambda study: world(sweep, seed, luck, study), [*moments, 5000])

    assert it.race.finished and len(records) == sweep.trials
    for record, track in zip(records, it.race.tracks, strict=True):
        assert record.outcome == track.state and record.values == track.values
        assert record.params == track.searched
        assert all(value == curve(track.params, epoch) for epoch, value in record.values.items())
        if record.outcome == "done":
            assert list(record.values) == list(range(1, 1 + (luck.finishes(record.params) or 9)))


@settings(max_examples=15, deadline=None)
@given(moment=st.integers(1, 150))
def test_a_grid_interrupted_anywhere_comes_to_the_same_result(moment: int) -> None:
    sweep = toy_sweep(
        method="grid", space=FINITE, trials=30, epochs=3, train_together=4, early_terminate={"type": "none"}
    )
    whole = world(sweep, 0)
    whole.run()
    seeds = iter((moment, 5000))
    it, _ = killed_after(lambda study: world(sweep, next(seeds), study=study), (moment, 5000))

    def outcome(race: Race) -> dict[frozenset[object], object]:
        return {frozenset(t.searched.items()): (t.state, t.values) for t in race.tracks}

    assert outcome(it.race) == outcome(whole.race) and len(it.race.tracks) == 30


def measured_to_the_end(folder: Path) -> tuple[Search, Race, Leg]:
    """One trial of two epochs, both reported, with nothing saved."""
    study = Study("toy", "maximize", folder / "journal.log")
    search = Search(toy_sweep(trials=1, early_terminate={"type": "none"}, epochs=2), Toy, study)
    race = search.race(1)
    leg = began(race)
    for epoch in (1, 2):
        reported(race, leg, epoch, {0: 0.5})
    return search, race, leg


def test_a_checkpoint_at_the_end_whose_end_was_not_written_is_an_end(tmp_path: Path) -> None:
    search, race, leg = measured_to_the_end(tmp_path)
    saved(race, leg, 2)

    again = search.race(1)
    assert [track.state for track in again.tracks] == ["done"]
    assert again.next_leg() is None and again.finished
    assert search.study is not None
    assert [record.outcome for record in search.study.records()] == ["done"]


def test_an_end_without_a_checkpoint_is_written_as_an_end_or_not_at_all(tmp_path: Path) -> None:
    search, race, leg = measured_to_the_end(tmp_path)
    race.saved(leg.id, [Saved(key=leg.members[0].key, epoch=2, uri=None)])
    [cut_off] = search.race(1).tracks
    assert (cut_off.state, cut_off.epoch, cut_off.checkpoint) == ("ready", 0, None)

    race.finished_leg(leg.id)
    [ended] = search.race(1).tracks
    assert (ended.state, ended.epoch, ended.checkpoint) == ("done", 2, None)


def test_a_rung_reached_just_before_a_crash_is_still_decided(tmp_path: Path) -> None:
    sweep = toy_sweep(trials=3, train_together=3, space=toy_sweep().space, method="random")
    study = Study("toy", "maximize", tmp_path / "journal.log")
    race = Search(sweep, Toy, study).race(1)
    leg = began(race)
    reported(race, leg, 1, {m.trial: 0.1 * m.trial for m in leg.members})
    saved(race, leg, 1)

    again = Search(sweep, Toy, study).race(1)
    states = {track.trial: track.state for track in again.tracks if track.epoch == 1}
    assert set(states.values()) == {"paused"}, "nobody goes past a rung without its decision"


@dataclass
class Ahead:
    """An observer that stands before the study's, and looks at what the study holds by then."""

    study: Study
    num_told: Counter[str] = field(default_factory=Counter)

    def reported(self, track: Track, epoch: int, value: float) -> None:
        assert epoch not in self.study.records()[track.trial].values
        self.num_told["reported"] += 1

    def moved(self, track: Track) -> None:
        assert self.study.records()[track.trial].attributes.get("progress") != progress(track)
        self.num_told["moved"] += 1

    def ended(self, track: Track) -> None:
        assert self.study.records()[track.trial].outcome is None
        self.num_told["ended"] += 1


def test_what_the_study_holds_the_observers_before_it_were_told(tmp_path: Path) -> None:
    study = Study("toy", "maximize", tmp_path / "journal.log")
    ahead = Ahead(study)
    race = Search(toy_sweep(trials=6, train_together=2), Toy, study).race(1, [ahead])
    while leg := race.next_leg():
        for epoch in range(leg.start + 1, leg.stop + 1):
            reported(race, leg, epoch, {m.trial: curve(m.params, epoch) for m in leg.members})
            saved(race, leg, epoch)
        race.finished_leg(leg.id)
    told = {"reported": sum(len(track.values) for track in race.tracks), "ended": 6}
    assert ahead.num_told == {**told, "moved": ahead.num_told["moved"]} and ahead.num_told["moved"] > 6
    assert {record.outcome for record in study.records()} == {"done", "stopped"}


def test_a_promoted_trial_goes_on_after_a_crash(tmp_path: Path) -> None:
    sweep = toy_sweep(
        trials=4, train_together=4, epochs=9, start_from=tuple({"lr": lr, "size": 1} for lr in (0.1, 0.2, 0.3))
    )
    study = Study("toy", "maximize", tmp_path / "journal.log")
    race = Search(sweep, Toy, study).race(1)
    leg = began(race)
    reported(race, leg, 1, {0: 0.1, 1: 0.2, 2: 0.9, 3: 0.3})
    saved(race, leg, 1)
    race.finished_leg(leg.id)
    leg = began(race)
    assert [m.trial for m in leg.members] == [2] and (leg.start, leg.stop) == (1, 3)
    reported(race, leg, 2, {2: 0.95})

    leg = began(Search(sweep, Toy, study).race(1))
    assert [(m.trial, m.checkpoint) for m in leg.members] == [(2, "t0002-s0/1")]


def test_a_member_that_kills_its_lane_fails_alone() -> None:
    starts = tuple({"lr": lr, "size": 1} for lr in (0.1, 0.2, 0.3))
    sweep = toy_sweep(
        trials=4, train_together=4, start_from=starts, max_retries=1, early_terminate={"type": "none"}
    )
    it = world(sweep, 0, Luck(poison=lambda params: params["lr"] == 0.2))
    first = began(it.race)
    assert len(first.members) == 4
    it.race.failed_leg(first.id, FailureReason("lane_died", "killed"))
    it.run()

    assert [track.state for track in it.race.tracks] == ["done", "done", "failed", "done"]
    assert [track.num_failures for track in it.race.tracks] == [0, 0, 2, 0]
    assert it.race.tracks[2].failure == FailureReason("lane_died", "killed")


def test_nan_in_one_member_leaves_the_others_alone() -> None:
    race = Search(toy_sweep(trials=2, train_together=2, start_from=({"lr": 0.1},)), Toy, None).race(1)
    leg = began(race)
    reported(race, leg, 1, {0: math.nan, 1: 0.4})
    reported(race, leg, 2, {0: math.nan, 1: 0.5})
    saved(race, leg, 1)
    race.finished_leg(leg.id)

    assert [track.state for track in race.tracks] == ["failed", "paused"]
    assert race.tracks[0].failure == FailureReason("diverged", f"{METRIC} is nan")
    assert race.garbage == ["t0000-s0/1"]


def test_reaching_the_target_ends_the_sweep() -> None:
    sweep = toy_sweep(trials=50, train_together=2, metric=Metric(name=METRIC, goal="maximize", target=0.5))
    it = world(sweep, 1)
    it.run()

    assert len(it.race.tracks) < 50 and it.race.ranked()[0].best_value >= 0.5
    reasons = {track.failure for track in it.race.tracks if track.state == "stopped"}
    reached = FailureReason("stopped", "the target of 0.5 is reached")
    assert reached in reasons and reasons <= {reached, None}, "None: the schedule gave up on it before"


@pytest.mark.parametrize("fill", [0.0, 0.5, 1.0])
def test_filling_up_makes_wider_legs_of_one_signature(fill: float) -> None:
    sweep = toy_sweep(
        trials=64, train_together=8, space=FINITE, method="tpe", early_terminate={"type": "none"}, epochs=1
    )
    sweep = sweep.model_copy(update={"space": toy_sweep().space})
    race = Search(sweep, Toy, None).race(2, fill=fill)
    widths = []
    while leg := race.next_leg():
        widths.append(len(leg.members))
        assert len({m.params["size"] for m in leg.members}) == 1
        reported(race, leg, 1, {m.trial: curve(m.params, 1) for m in leg.members})
        saved(race, leg, 1)
        race.finished_leg(leg.id)

    assert sum(widths) == 64 and max(widths) <= 8
    full = [w for w in widths if w >= math.ceil(fill * 8)]
    assert len(full) >= len(widths) - 3, "only the last legs may be thin"
