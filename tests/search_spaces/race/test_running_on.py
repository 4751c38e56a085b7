"""A race of members that cannot be paused: they run on through rungs, and a schedule can only end them there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces.criteria.constraints import Constraint
from search_spaces.race.legs import Leg, MemberEpoch, Saved
from search_spaces.race.race import Race
from search_spaces.race.search import Search
from search_spaces.race.steering import refusal
from search_spaces.race.track import ENDS
from search_spaces.spec.keys.command import Command
from search_spaces.study.study import Study
from search_spaces.types.failure import FailureReason
from tests.helpers.toy_race import METRIC, Luck, Out, Tally, Toy, World, curve, killed_after, toy_sweep


class RunningOn(World):
    """Lanes of scripts: they save nothing before their end, and learn of a stop an epoch late."""

    def _train(self, out: Out) -> None:
        ids, (member,) = out.leg.id, out.leg.members
        track = self.by_key[member.key]
        if track.state in ENDS or (track.leaving and self.random.random() < 0.5):
            self.out.remove(out)
            self.race.finished_leg(ids, 1.0)
            return
        if self.random.random() < self.luck.crash:
            self._die(out)
            return
        out.epoch += 1
        finished = self.luck.finishes(member.params) == out.epoch
        value = curve(member.params, out.epoch)
        self.race.reported(
            ids, [MemberEpoch(key=member.key, epoch=out.epoch, metrics={METRIC: value}, finished=finished)]
        )
        if finished or out.epoch == out.leg.stop:
            self.race.saved(ids, [Saved(key=member.key, epoch=out.epoch, uri=None)])
            self.out.remove(out)
            self.race.finished_leg(ids, 1.0)
        self.commit()


def world(seed: int, luck: Luck, study: Study | None = None, **changes: Any) -> RunningOn:
    sweep = toy_sweep(
        **{"early_terminate": {"type": "asha_stopping"}, "command": Command(program="train.py"), **changes}
    )
    tally = Tally()
    race = Search(sweep, Toy, study).race(2, [tally])
    tally.ends.update(track.index for track in race.tracks if track.state in ENDS and track.index not in tally.ends)
    return RunningOn(race, tally, luck, Random(seed))


LUCK = st.builds(
    Luck,
    crash=st.sampled_from([0.0, 0.1]),
    finishes=st.sampled_from([lambda params: None, lambda params: int(params["lr"] * 30) % 10 or None]),
)
FEW = settings(max_examples=10, deadline=None)


@FEW
@given(seed=st.integers(0, 10**6), luck=LUCK, rule=st.sampled_from(["asha_stopping", "median", "none"]))
def test_every_trial_trains_in_one_leg_and_is_stopped_at_rungs_alone(seed: int, luck: Luck, rule: str) -> None:
    it = world(seed, luck, early_terminate={"type": rule}, max_retries=20)
    it.run()
    rungs = it.race.schedule.rungs
    assert len(it.race.tracks) == 12 and any(track.state == "done" for track in it.race.tracks)
    for track in it.race.tracks:
        finishing = luck.finishes(track.params) or 9
        assert track.state in ("done", "stopped") and track.checkpoint is None
        assert list(track.values) == list(range(1, 1 + max(track.values)))
        if track.state == "done":
            assert max(track.values) == finishing and set(track.scores) == set(rungs[:-1])
        else:
            assert max(track.values) in rungs[:-1] and max(track.values) < finishing
    if rule == "none":
        assert all(track.state == "done" for track in it.race.tracks)


def test_the_worst_are_stopped_as_they_arrive() -> None:
    it = world(3, Luck(), trials=40)
    it.run()
    stopped = [track for track in it.race.tracks if track.state == "stopped"]
    assert len(stopped) > 15
    assert sum(max(track.values) for track in it.race.tracks) < 9 * 40 / 2


@FEW
@given(seed=st.integers(0, 10**6), moments=st.lists(st.integers(1, 40), max_size=3), luck=LUCK)
def test_one_that_was_judged_at_a_rung_is_not_judged_there_again(seed: int, moments: list[int], luck: Luck) -> None:
    luck = replace(luck, crash=0.0)
    it, records = killed_after(lambda study: world(seed, luck, study, trials=9), [*moments, 5000])
    assert it.race.finished and len(records) == 9
    for record, track in zip(records, it.race.tracks, strict=True):
        assert record.outcome == track.state and record.values == track.values
        if track.state == "stopped":
            assert max(track.values) in it.race.schedule.rungs[:-1]


def test_a_report_counts_at_the_rungs_that_it_passes() -> None:
    race = Search(
        toy_sweep(command=Command(program="train.py"), early_terminate={"type": "asha_stopping"}), Toy, None
    ).race(1)
    leg = race.next_leg()
    assert leg is not None and (leg.start, leg.stop, race.schedule.rungs) == (0, 9, (1, 3, 9))
    race.reported(leg.id, [MemberEpoch(key=leg.members[0].key, epoch=2, metrics={METRIC: 0.5})])
    race.reported(leg.id, [MemberEpoch(key=leg.members[0].key, epoch=5, metrics={METRIC: 0.7})])
    assert race.tracks[0].scores == {1: 0.5, 3: 0.5} and race.tracks[0].state == "running"


def test_what_is_measured_behind_the_last_epoch_decides_too(tmp_path: Path) -> None:
    study = Study("toy", "maximize", tmp_path / "journal.log")
    sweep = toy_sweep(
        command=Command(program="train.py"), constraints=(Constraint(metric="f1", min=0.5),), trials=1
    )
    race = Search(sweep, Toy, study).race(1)
    leg = race.next_leg()
    assert leg is not None
    for metrics, finished in (({METRIC: 0.9}, False), ({METRIC: 0.9, "f1": 0.6}, True)):
        race.reported(leg.id, [MemberEpoch(key=leg.members[0].key, epoch=1, metrics=metrics, finished=finished)])
    race.saved(leg.id, [Saved(key=leg.members[0].key, epoch=1, uri=None)])
    race.finished_leg(leg.id, 1.0)
    assert [(track.state, track.measured) for track in race.tracks] == [("done", {"f1": 0.6})]
    assert [record.measured for record in study.records()] == [{1: {"f1": 0.6}}]


SWEEP = toy_sweep(command=Command(program="train.py"), early_terminate={"type": "asha_stopping"})


def two_at_the_first_rung(study: Study | None = None) -> tuple[Race, list[Leg]]:
    """Return a race whose second trial is stopped at epoch 1, while it still runs."""
    race = Search(SWEEP, Toy, study).race(2)
    legs = [leg for leg in (race.next_leg(), race.next_leg()) if leg]
    for leg, value in zip(legs, (0.9, 0.1), strict=True):
        race.reported(leg.id, [MemberEpoch(key=leg.members[0].key, epoch=1, metrics={METRIC: value})], 5.0)
    assert [(track.state, track.leaving) for track in race.tracks] == [("running", False), ("running", True)]
    return race, legs


def test_one_that_is_stopped_ends_with_its_leg_and_has_its_seconds() -> None:
    race, (_, leg) = two_at_the_first_rung()
    assert refusal(race.tracks[1], "pause") == "has ended"
    race.reported(leg.id, [MemberEpoch(key=leg.members[0].key, epoch=2, metrics={METRIC: 0.8})], 7.0)
    race.finished_leg(leg.id, 8.0)
    assert (race.tracks[1].state, race.tracks[1].seconds, race.tracks[1].values) == ("stopped", 8.0, {1: 0.1})


def test_one_that_has_ended_by_itself_where_it_is_stopped_is_done() -> None:
    race, (_, leg) = two_at_the_first_rung()
    told = MemberEpoch(key=leg.members[0].key, epoch=1, metrics={METRIC: 0.1}, finished=True)
    race.reported(leg.id, [told], 6.0)
    race.saved(leg.id, [Saved(key=told.key, epoch=1, uri=None)])
    race.finished_leg(leg.id, 6.0)
    assert (race.tracks[1].state, race.tracks[1].seconds) == ("done", 6.0)


def test_one_that_is_being_stopped_is_not_trained_again() -> None:
    reason = FailureReason("lane_died", "killed")
    for end in (lambda race, leg: race.failed_leg(leg.id, reason, True, 9.0),
                lambda race, leg: race.ended_leg(leg.id, "failed", reason, 9.0)):  # fmt: skip
        race, (_, leg) = two_at_the_first_rung()
        end(race, leg)
        assert (race.tracks[1].state, race.tracks[1].seconds) == ("stopped", 9.0)


def test_what_ends_while_its_leg_runs_has_the_seconds_so_far() -> None:
    race, (leg, _) = two_at_the_first_rung()
    race.reported(leg.id, [MemberEpoch(key=leg.members[0].key, epoch=2, metrics={METRIC: float("nan")})], 11.0)
    assert (race.tracks[0].state, race.tracks[0].seconds) == ("failed", 11.0)
    race, _ = two_at_the_first_rung()
    race.steer(race.tracks[0], "stop", "stopped by ann", 12.0)
    assert (race.tracks[0].state, race.tracks[0].seconds) == ("stopped", 12.0)


def test_one_that_was_being_stopped_as_its_driver_died_is_stopped(tmp_path: Path) -> None:
    study = Study("toy", "maximize", tmp_path / "journal.log")
    two_at_the_first_rung(study)
    race = Search(SWEEP, Toy, study).race(2)
    assert [track.state for track in race.tracks] == ["ready", "stopped"]
    assert [record.outcome for record in study.records()] == [None, "stopped"]
