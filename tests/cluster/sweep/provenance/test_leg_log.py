"""Tests of the log of legs, by a coordinator whose lanes are played by the test, and killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.sweep.messages import Report
from cluster.sweep.provenance.leg_log import LegLog, LegRecord, legs
from search_spaces.race.legs import Leg, Member, MemberEpoch
from search_spaces.race.track import Track
from search_spaces.study.study import Study
from search_spaces.types.failure import FailureReason
from search_spaces.types.objective import LOSS
from tests.helpers.sweep_without_lanes import Life


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_each_leg_of_a_resumed_sweep_is_kept_once_and_a_failed_one_says_so(sqlite_uri: str) -> None:
    life = Life(sqlite_uri)
    first = life.coordinator.next_leg()
    assert first
    life.train(first)
    second = life.coordinator.next_leg()
    assert second
    life.coordinator.began((second.purpose, second.id))
    life.coordinator.fail((second.purpose, second.id), FailureReason("lane_died", "it was killed"))
    life.end()
    life = Life(sqlite_uri)
    while leg := life.coordinator.next_leg():
        life.train(leg)
    life.end()
    found = legs(life.coordinator.study.facts())
    assert [(one.purpose, one.members, one.failed) for one in found[:3]] == [
        ("search", ("t0000-s0",), False),
        ("search", ("t0001-s0",), True),
        ("search", ("t0001-s0",), False),
    ]
    assert [(one.start, one.stop) for one in found[:2]] == [(0, first.stop), (0, 0)], "the second told no epoch"
    assert found[0].seconds == pytest.approx(1.0), "as its lane worked, which the table counts, too"
    assert len(found) == 3 + 1 + 6, "three trials, one twice, and six trainings of the final evaluation"
    assert all(one.began_s <= one.ended_s for one in found)
    assert [one.ended_s for one in found] == sorted(one.ended_s for one in found)


def test_a_leg_tells_its_lane_and_its_width_and_one_that_never_began_leaves_no_line(tmp_path: Path) -> None:
    study = Study("legs", "maximize", tmp_path / "journal.log")
    log, members = LegLog(study), (Member(trial=3, seed=0, params={}), Member(trial=4, seed=0, params={}))
    track = Track(
        index=0, trial=3, seed=0, searched={}, params={}, signature=(), objective=LOSS, values={1: 0.5, 2: 0.6}
    )
    for number in range(3):
        log.started(Leg(id=number, start=1, stop=9, horizon=9, members=members), [track])
    epochs = [MemberEpoch(key="t0003-s0", epoch=2), MemberEpoch(key="t0003-s0", epoch=3)]
    report = Report.from_result({**Report(fused=2, epochs=epochs).to_result(), "pid": 7, "hostname": "here"})
    log.heard(("search", 0), report)
    log.over(("search", 0), 2.5, failed=False)
    log.over(("search", 1), 0.0, failed=True)
    log.heard(("search", 2), Report(handed_back=True))
    log.over(("search", 2), 1.0, failed=False)
    study.flush()
    (kept,) = legs(Study("legs", "maximize", tmp_path / "journal.log", writing=False).facts())
    assert isinstance(kept, LegRecord)
    assert (kept.lane, kept.fused, kept.members) == ("here:7", 2, ("t0003-s0", "t0004-s0"))
    assert (kept.start, kept.stop) == (1, 2), "a script may run on behind the epoch at which it was stopped"
    assert kept.seconds == pytest.approx(2.5, abs=0.01)
