"""A disk that the checkpoints may fill is told before it is full."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cluster.sweep.files.disk_bound import most_checkpoints, shortage
from cluster.sweep.messages import Report
from search_spaces.race.legs import MemberEpoch, Saved
from search_spaces.spec.schema import EarlyTerminate, Final
from tests.cluster.sweep.test_coordinator import Life
from tests.helpers.toy_race import toy_sweep


def test_the_bound_is_the_documentation_s() -> None:
    none = EarlyTerminate(type="none")
    assert most_checkpoints(toy_sweep(trials=100, train_together=1), 2) == 100 + 2 * 2 + 1
    assert most_checkpoints(toy_sweep(trials=100, train_together=4, early_terminate=none), 2) == 2 * 8 + 1
    final = Final(top=5, seeds=10)
    assert most_checkpoints(toy_sweep(trials=6, train_together=1, final=final), 1) == 5 + (5 + 1) * 10 + 1 + 1


def test_what_does_not_fit_is_told_with_both_sizes(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    assert shortage(str(tmp_path / "not" / "there"), 10, free // 100) is None
    assert shortage("s3://bucket/folder", 10, free) is None
    told = shortage(f"file://{tmp_path}/not", 10, free)
    assert told is not None and told.startswith(f"the disk of {tmp_path} may become full: up to 10 checkpoints of ")


def test_a_sweep_says_so_once_after_its_first_checkpoint(
    sqlite_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    life = Life(sqlite_uri)
    told: list[str] = []
    life.coordinator.say = told.append
    for _ in range(2):
        leg = life.coordinator.next_leg()
        assert leg
        [member] = leg.members
        uri = Path(life.home.checkpoints) / member.key
        uri.mkdir(parents=True)
        with (uri / "weights.pt").open("wb") as weights:
            weights.truncate(shutil.disk_usage(tmp_path).free)  # a sparse file: nothing is written
        epoch = MemberEpoch(key=member.key, epoch=leg.stop, metrics={"val_accuracy": 0.5})
        saved = Saved(key=member.key, epoch=leg.stop, uri=str(uri))
        life.coordinator.report((leg.purpose, leg.id), Report(epochs=[epoch], saved=[saved], done=True))
    life.end()
    assert len(told) == 1 and "may become full" in told[0]
