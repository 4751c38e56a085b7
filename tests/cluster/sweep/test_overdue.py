"""Legs whose lanes are silent or train for too long: which are given up, when, and what becomes of their trials."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.sweep.messages import Handle, Report
from search_spaces.race.legs import Leg, MemberEpoch
from search_spaces.types.failure import FailureReason
from tests.cluster.sweep.test_coordinator import SPEC, Life, states

KILLED = FailureReason("lane_died", "The actor was killed by `ray.kill`.")
LIMITED = SPEC.replace("epochs: 2", "epochs: 5").replace("final: {top: 1, seeds: 3}", "final: none")


class Watched(Life):
    """A sweep whose clock the test turns; what it says is in ``said``."""

    def __init__(self, uri: str, patch: pytest.MonkeyPatch, keys: str, cohort: int = 1) -> None:
        self.now_s, self.said = 1000.0, list[str]()
        patch.setattr("cluster.sweep.coordinator.time.monotonic", lambda: self.now_s)
        super().__init__(uri, spec=LIMITED.replace("cohort: 1", f"cohort: {cohort}") + keys)
        self.coordinator.say = self.said.append

    def begin(self, *seconds: float) -> Handle:
        """Begin the next leg; its lane reports epochs that take so many seconds."""
        leg = self.coordinator.next_leg()
        assert leg
        handle = (leg.purpose, leg.id)
        self.coordinator.began(handle)
        for epoch, epoch_s in enumerate(seconds, 1):
            self.now_s += epoch_s
            self.coordinator.report(handle, Report(epochs=_measured(leg, epoch), seconds=epoch_s))
        return handle

    def overdue(self, after_s: float) -> list[Handle]:
        """Return the legs to give up after so many further seconds."""
        self.now_s += after_s
        return self.coordinator.overdue()

    def told(self) -> str:
        """Return what was said last, after the lanes of the legs that were given up have died."""
        for handle in list(self.coordinator._endings):
            self.coordinator.fail(handle, KILLED)
        return self.said[-1]


def _measured(leg: Leg, epoch: int) -> list[MemberEpoch]:
    return [MemberEpoch(key=m.key, epoch=epoch, metrics={"val_accuracy": 0.5}) for m in leg.members]


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_silent_trial_fails_after_the_timeout_and_its_grace(
    sqlite_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = Watched(sqlite_uri, monkeypatch, "timeout: 60s\ngrace: 20s\n")
    handle = life.begin(2)
    assert life.overdue(50) == []
    assert life.overdue(10) == [], "the grace begins"
    assert life.coordinator.home.stop_mark.exists()
    assert life.overdue(19) == []
    assert life.overdue(2) == [handle]
    assert life.overdue(1) == [], "once"
    assert life.told().startswith("t000 reported nothing for 81 s after epoch 1, and did not end within")
    assert life.coordinator.next_leg() is None and life.coordinator.finished
    life.end()
    [track] = life.coordinator.races["search"].tracks
    assert track.failure == FailureReason(
        "timed_out", "reported nothing for 81 s after epoch 1, and the timeout of 60 s has passed"
    )
    assert states(sqlite_uri, life.home) == {"t0000": ("failed", "FAILED")}


def test_a_slow_trial_keeps_its_values(sqlite_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    life = Watched(sqlite_uri, monkeypatch, "timeout: 60s\ngrace: 20s\n")
    handle = life.begin(55)
    assert life.overdue(10) == []
    assert life.overdue(25) == [handle]
    life.told()
    assert life.coordinator.next_leg() is None and life.coordinator.finished
    [track] = life.coordinator.races["search"].ranked()
    assert (track.state, track.best_value, track.num_failures) == ("stopped", 0.5, 0)


@pytest.mark.parametrize("began", [True, False], ids=["", "without a lane"])
def test_a_stop_has_its_grace_too_and_leaves_the_trial_waiting(
    sqlite_uri: str, monkeypatch: pytest.MonkeyPatch, began: bool
) -> None:
    life = Watched(sqlite_uri, monkeypatch, "")
    if began:
        handle = life.begin(1, 1)
    else:
        leg = life.coordinator.next_leg()
        assert leg
        handle = (leg.purpose, leg.id)
    life.coordinator.stop.requested = True
    assert life.overdue(100) == [], "the grace begins when the stop is noticed"
    assert life.overdue(29) == []
    assert life.overdue(2) == [handle]
    silence = "reported nothing for 131 s after epoch 2" if began else "was still waiting for a worker"
    assert life.told().startswith(f"t000 {silence}, and did not end within the grace of 30 s")
    life.end()
    [track] = life.coordinator.races["search"].tracks
    assert (track.state, track.num_failures, track.failure) == ("ready", 0, None)
    assert set(states(sqlite_uri, life.home).values()) <= {("waiting", "SCHEDULED")}


def test_a_trial_over_its_limit_fails_and_is_not_tried_again(
    sqlite_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = Watched(sqlite_uri, monkeypatch, "trial_timeout: 1m\n")
    handle = life.begin(20, 20)
    assert life.overdue(19) == []
    assert life.overdue(2) == [handle]
    text = "61 s of training, and trial_timeout is 60 s; it reported nothing for 21 s after epoch 2"
    assert life.told() == f"t000 timed out: {text}"
    [track] = life.coordinator.races["search"].tracks
    assert track.state == "failed" and track.failure == FailureReason("timed_out", text)
    following = life.begin(20)
    assert following != handle and life.overdue(10) == []
    life.end()


def test_of_trials_that_train_together_each_has_its_share(sqlite_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    life = Watched(sqlite_uri, monkeypatch, "trial_timeout: 1m\n", cohort=3)
    handle = life.begin(20)
    assert life.overdue(159) == []
    assert life.overdue(2) == [handle]
    assert life.told().startswith("t000, t001, t002 timed out together (60 s of training, and")
    tracks = life.coordinator.races["search"].tracks
    assert {(track.state, track.alone, track.num_failures) for track in tracks} == {("ready", True, 0)}
    life.end()


def test_an_epoch_that_takes_much_longer_than_usual_is_told_once(
    sqlite_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = Watched(sqlite_uri, monkeypatch, "")
    handle = life.begin(4, 4, 4)
    assert life.overdue(39) == [] and life.said == []
    assert life.overdue(2) == life.overdue(60) == []
    assert life.said == ["t000 reported nothing for 41 s after epoch 3; an epoch of it took 4 s"]
    life.coordinator.report(handle, Report(waiting=True))
    assert life.overdue(30) == [] and len(life.said) == 1
    life.end()
