"""What the driver shows of a sweep again and again: rows of trials that have ended are made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.sweep import reading
from search_spaces.study.study import Study
from tests.helpers.finished_sweep_without_ray import raced
from tests.helpers.toy_race import ACCURACY, SPACE


def test_rows_are_made_anew_only_of_trials_that_have_changed(tmp_path: Path) -> None:
    study = Study("7f3a", "maximize", tmp_path / "journal.log")
    for number in range(3):
        study.add(SPACE, {"lr": 0.1 * number, "size": 1})
        study.report(number, 1, 0.5)
    study.tell(0, "done", 0.5)
    known: reading.KnownRows = {}
    before = reading.rows(study, ACCURACY, True, known)
    study.report(2, 2, 0.75)
    after = reading.rows(study, ACCURACY, True, known)
    assert [one is other for one, other in zip(before, after, strict=True)] == [True, True, False]
    assert after == reading.rows(study, ACCURACY, True) and after[2].value == 0.75


def test_the_snapshot_of_a_reading_holds_its_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    read = reading.Reading.of(raced())
    rows, shown = read.rows, reading.snapshot(read).rows
    assert rows and [one is other for one, other in zip(rows, shown, strict=True)] == [True] * len(rows)


def test_a_final_training_that_failed_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    entries = {"state": "done", "test": {"test_accuracy": 0.9}}, {"state": "failed"}, {"state": "running"}
    finals = {f"final:t0000-s{seed}": {"trial": 0, "seed": seed, **one} for seed, one in enumerate(entries)}
    read = reading.Reading.of(raced(num_finals=3, **finals))
    assert (reading.snapshot(read).finals_done, reading.snapshot(read).finals_planned) == (2, 3)


@pytest.mark.parametrize(("noted", "saved"), [({}, 7), ({"boosted": True}, 7), ({"withdrawn": True}, 0)])
def test_early_stopping_has_not_saved_the_epochs_of_a_trial_that_a_user_stopped(
    noted: dict[str, bool], saved: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sweep = raced(most_legs=0).sweep()
    study = Study("7f3a", "maximize", tmp_path / "journal.log")
    study.add(SPACE, {"lr": 0.1, "size": 1})
    study.report(0, 1, 0.5)
    study.report(0, 2, 0.5)
    study.note(0, "progress", noted)
    study.tell(0, "stopped", 0.5)
    assert reading.epochs_saved(reading.rows(study, ACCURACY, False), sweep) == saved


@pytest.mark.parametrize(("epoch", "saved"), [(1, 8), (2, 0)])
def test_early_stopping_has_not_saved_the_epochs_of_a_trial_that_a_timeout_broke_off_between_two_rungs(
    epoch: int, saved: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sweep = raced(most_legs=0).sweep()
    study = Study("7f3a", "maximize", tmp_path / "journal.log")
    study.add(SPACE, {"lr": 0.1, "size": 1})
    for one in range(1, epoch + 1):
        study.report(0, one, 0.5)
    study.note(0, "progress", {"failure": {"kind": "stopped", "text": "the timeout of 12 s has passed"}})
    study.tell(0, "stopped", 0.5)
    assert reading.epochs_saved(reading.rows(study, ACCURACY, False), sweep) == saved
