"""Below the sections of a sweep stand those of its champion, as the champion's actor found it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.report import champion
from cluster.report.records import Records
from cluster.report.report import page
from cluster.sweep.files.champion_file import FILE, keep, kept
from cluster.sweep.home import SweepHome
from cluster.sweep.reading import Reading
from search_spaces.types.inspection import ClassScores, Confusion, Inspection
from search_spaces.types.trial_names import trial_name
from tests.helpers.large_sweep import large_sweep
from tracking.results.champion.head import Head
from tracking.results.report import files


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SweepHome:
    monkeypatch.chdir(tmp_path)
    return large_sweep("trials=8", "epochs=3")


def read(home: SweepHome) -> Records:
    return Records(Reading.of(home))


def of(trial: int) -> Inspection:
    return Inspection(
        metric="accuracy",
        name=f"{trial_name(trial)} seed 1",
        curves={"train_loss": [1.0, 0.5], "val_loss": [0.9, 0.6], "val_accuracy": [0.5, float("nan")]},
        confusion=Confusion(classes=["5", "9"], counts=[[3, 1], [0, 4]]),
        classes=[ClassScores.of("5", 3, 3, 4)],
    )


def test_the_champion_s_sections_stand_below_those_of_the_sweep(home: SweepHome) -> None:
    records = read(home)
    assert records.verdict is not None and champion.sections(records) == []
    keep(home, files(of(records.verdict["winner"]["number"]), Head()), print)
    drawn = page(records)
    ids = [section.id for section in drawn.page.sections]
    assert (
        ids[-4:] == ["champion", "champion-curves", "champion-confusion", "champion-classes"] and not drawn.failed
    )
    assert b"Most often a true 5 is predicted 9: 1 of 4." in drawn.page.html()


def test_an_inspection_of_an_earlier_verdict_is_not_shown_and_a_damaged_one_is_told(home: SweepHome) -> None:
    records = read(home)
    assert records.verdict is not None
    keep(home, files(of(records.verdict["winner"]["number"] + 1), Head()), print)
    assert kept(home) is not None and champion.sections(records) == []
    (home.path / FILE).write_text("{}")
    drawn = page(records)
    assert drawn.page.sections[-1].id == "champion" and "champion" in drawn.failed


def test_a_home_that_cannot_be_written_is_told(home: SweepHome) -> None:
    said: list[str] = []
    (home.path / FILE).mkdir()
    keep(home, files(of(0), Head()), said.append)
    assert len(said) == 1 and said[0].startswith("the champion is not in the sweep's report: ")
