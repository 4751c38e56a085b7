"""Checkpoints that cannot be written: training goes on, and what was not kept, why, and what it costs is told."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from cluster.sweep.document import document
from cluster.sweep.files import not_kept
from cluster.sweep.messages import Report
from cluster.sweep.reading import Reading
from cluster.terminal.ending.outcome import not_kept_lines
from search_spaces.race.legs import Leg, Member, MemberEpoch, Saved
from search_spaces.race.search import Search
from search_spaces.types.objective import Objective
from tests.cluster.sweep.test_coordinator import SPEC, Life
from tests.helpers.toy_race import Luck, Tally, Toy, World, toy_sweep
from tests.helpers.workload_data import search_data
from workloads.legs import checkpoint
from workloads.legs.runner import LegRunner, LegSetting


def world(luck: Luck, seed: int, num_lanes: int = 1) -> World:
    tally = Tally()
    sweep = toy_sweep(seed=seed, train_together=1)
    race = Search(sweep, Toy, None).race(num_lanes, [tally])
    return World(race, tally, luck, Random(seed), num_lanes)


@pytest.mark.parametrize("seed", range(4))
def test_a_race_without_checkpoints_decides_as_one_with_them(seed: int) -> None:
    kept, lost = world(Luck(save=1.0), seed), world(Luck(save=1.0, unkept=1.0), seed)
    kept.run()
    lost.run()
    assert [(t.state, t.values) for t in lost.race.tracks] == [(t.state, t.values) for t in kept.race.tracks]
    assert {track.checkpoint for track in lost.race.tracks} == {None}
    world(Luck(crash=0.05, unkept=0.4), seed, num_lanes=3).run()


def test_a_member_whose_checkpoint_cannot_be_written_trains_on(tmp_path: Path) -> None:
    member = Member(trial=3, seed=0, params={"lr": 0.01})
    setting = LegSetting("softmax", Objective("val_accuracy", "maximize"), str(tmp_path), device="cpu")
    lane = LegRunner(setting, search_data())
    lane.start(Leg(id=0, start=0, stop=3, horizon=9, members=(member,)))
    lane.epoch()
    blocked = tmp_path / member.key
    blocked.touch()  # a file in the folder's place: not even root may write
    [saved] = lane.save()
    assert (saved.epoch, saved.uri, saved.not_kept) == (1, None, "Not a directory")
    lane.epoch()
    blocked.unlink()
    [saved] = lane.save()
    assert saved.not_kept is None and checkpoint.progress(saved.uri or "").epoch == 2
    lane.start(Leg(id=1, start=0, stop=1, horizon=1, members=(member,), purpose="final"))
    lane.epoch()
    (tmp_path / member.key).rename(tmp_path / "elsewhere")
    blocked.touch()
    with pytest.raises(checkpoint.NotKept):
        lane.save()


def test_it_is_told_once_in_the_summary_and_in_json(
    sqlite_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    spec = SPEC.replace("epochs: 2\nearly_terminate: none", "epochs: 3").replace("seeds: 3", "seeds: 2")
    life = Life(sqlite_uri, spec=spec)
    told: list[str] = []
    life.coordinator.say = told.append
    while (leg := life.coordinator.next_leg()) and leg.stop < 3:
        [member] = leg.members
        epochs = [MemberEpoch(key=member.key, epoch=leg.stop, metrics={"val_accuracy": 0.5 + member.trial / 10})]
        saved = [Saved(key=member.key, epoch=leg.stop, uri=None, not_kept="No space left on device")]
        life.coordinator.report((leg.purpose, leg.id), Report(epochs=epochs, saved=saved, done=True))
    life.end()
    reason = f"{life.home.checkpoints}: No space left on device"
    assert told == [f"a checkpoint of t000 could not be written: {reason}; it trains on"]
    read = document(Reading.of(life.home))
    assert read["not_kept"] == {"reason": reason, "resumes_at": {"0": 0, "1": 0, "2": 0}, "ended": []}
    [line] = not_kept_lines({"reason": reason, "resumes_at": {"2": 0}, "ended": [1]})
    costs = "a resume begins t002 anew; the weights of t001 are not there"
    assert line.plain == f"checkpoints of 2 trials were not kept ({reason}): {costs}"
    race = life.coordinator.races["search"]
    race._observers = ()  # their files are closed
    for track in race.tracks:
        race._end(track, "stopped", None)
    assert not_kept.of(race, "there") == {
        "reason": "there: No space left on device",
        "resumes_at": {},
        "ended": [2],
    }
