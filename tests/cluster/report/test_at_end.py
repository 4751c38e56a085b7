"""The report at a sweep's end is an artifact of its run; one that cannot be drawn is told, and fails nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.report import catalogue, report
from cluster.report.at_end import ReportAtEnd
from cluster.report.catalogue import Row
from cluster.report.records import Records
from cluster.report.written import place
from cluster.sweep.home import SweepHome
from cluster.sweep.limits.extension import Extension, reopen
from search_spaces.study.study import Study
from tests.helpers.finished_sweep_without_ray import raced, raced_on, tracked
from tracking import names
from tracking.pages.page import Section


def ended(home: SweepHome, said: list[str]) -> str:
    """End the sweep as its driver does; return the page that MLflow has then, empty where it has none."""
    tracker = tracked(home)
    ReportAtEnd(home, Study(home.id, home.sweep().goals, home.journal), said.append).keep(
        home.sweep(), tracker.writer
    )
    assert tracker.close(60)
    found = next(Path.cwd().glob(f"**/{tracker.writer.parent_run_id}/artifacts/{names.REPORT_FILE}"), None)
    return found.read_text() if found else ""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SweepHome:
    monkeypatch.chdir(tmp_path)
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    return raced(phase="verdict")


def test_mlflow_has_the_page_of_the_sweep_as_it_has_ended(home: SweepHome) -> None:
    said: list[str] = []
    place(home).write_text("<!doctype html>of an earlier end")
    page = ended(home, said)
    assert "The sweep has finished: 9 of 9 trials" in page and said == []
    assert place(home).read_text() == page, "the page in the sweep's folder is drawn anew, too"


def test_a_sweep_that_was_given_more_trials_is_drawn_anew_at_its_next_end(home: SweepHome) -> None:
    said: list[str] = []
    assert "9 of 9 trials" in ended(home, said)
    sweep = Extension(trials=11).of(home.sweep())
    study = Study(home.id, sweep.goals, home.journal)
    reopen(home, study, sweep, origin=None)
    raced_on(home, study, sweep)
    page = ended(home, said)
    assert "The sweep has finished: 11 of 11 trials" in page and "9 of 9 trials" not in page and said == []


def test_a_section_that_fails_is_told_and_takes_no_other_with_it(
    home: SweepHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(records: Records) -> Section:
        raise ValueError("no luck")

    monkeypatch.setattr(report, "CATALOGUE", (Row("mine", broken), *catalogue.CATALOGUE[:1]))
    said: list[str] = []
    page = ended(home, said)
    assert said == ["the sweep's report: mine could not be drawn: ValueError: no luck"]
    assert "This could not be drawn: ValueError: no luck" in page and "id='verdict'" in page
    assert not place(home).exists()


def test_a_page_that_cannot_be_drawn_is_told_and_fails_nothing(
    home: SweepHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(records: Records, now_s: float) -> list[str]:
        raise MemoryError("too much")

    monkeypatch.setattr(report.head, "said", broken)
    said: list[str] = []
    assert ended(home, said) == ""
    assert said == ["the sweep's report: the page could not be drawn: too much"]
