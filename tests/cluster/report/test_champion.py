"""Below the sections of a sweep stand those of its champion, as the champion's actor found it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.report import champion, verdict
from cluster.report.records import Records
from cluster.report.report import page
from cluster.sweep.files.champion_file import FILE, keep, kept
from cluster.sweep.home import SweepHome
from cluster.sweep.reading import Reading
from search_spaces.types.inspection import ClassScores, Confusion, Inspection
from search_spaces.types.trial_names import trial_name
from tests.helpers.large_sweep import large_sweep
from tracking.results.champion.curves import curves
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
    headings = [section.heading for section in drawn.page.sections]
    assert len(set(headings)) == len(headings)
    assert b"Most often a true 5 is predicted 9: 1 of 4." in drawn.page.html()


def test_an_objective_that_users_code_names_without_val_is_drawn_and_named_as_it_is() -> None:
    score, other = [-1.0, -2.0], [-1.5, -1.9]
    found = Inspection(
        metric="score",
        best_epoch=2,
        curves={"score": score, "train_score": [0.0, 0.0]},
        seeds={"2": {"score": other}},
    )
    section = curves(Head(), found)
    assert section is not None and len(section.figures) == 1
    drawn = {line.name: list(line.y) for line in section.figures[0].data}
    assert drawn == {"training": [0.0, 0.0], "validation": score, "validation, other seeds": other}
    assert "its score is the best, -2." in section.says and "the other seed" in section.says


def test_what_users_code_saved_is_not_said_to_be_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = verdict.section(read(large_sweep("trials=8", "epochs=3", model="runs:/ab12/saved")))
    [tile] = [one for one in found.tiles if one.name == "model"]
    assert tile.value == "runs:/ab12/saved" and "load_model" not in tile.note and "--files DIR" in tile.note


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
