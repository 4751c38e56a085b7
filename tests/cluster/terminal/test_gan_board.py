"""Mode collapse is seen: the coverage of classes stands beside the objective wherever trials are listed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cluster.cli.main import main
from cluster.sweep import reading
from cluster.sweep.home import SweepHome
from cluster.sweep.tracker import header
from cluster.terminal.leaderboard_file import leaderboard
from cluster.terminal.records import Row
from search_spaces.race.legs import MemberEpoch, Saved
from search_spaces.race.search import Search
from search_spaces.spec.sweep import parse_sweep
from search_spaces.study.study import Study
from tracking.ui.shared_view import shared_views
from workloads.registry import catalogue

SPEC = "{workload: gan, data: {name: digits}, trials: 3, cohort: 1, epochs: 3, early_terminate: none, final: none}"
COVERAGE = "val_class_coverage"


def raced(*overrides: str) -> SweepHome:
    """Trial k comes to a distance of 10 - k in epoch 2 and finds k / 10 of the classes there, all of them later."""
    sweep = parse_sweep(SPEC, "spec.yaml", Path.cwd(), list(overrides), catalogue=catalogue())
    home = SweepHome.create(sweep)
    study = Study(home.id, sweep.metric.goal, home.journal)
    race = Search(sweep, catalogue().workload("gan").hyperparameters, study).race(num_lanes=1)
    while leg := race.next_leg():
        [member] = leg.members
        for epoch in range(1, 4):
            metrics = {"val_frechet_distance": 10.0 - member.trial + abs(epoch - 2), COVERAGE: 1.0}
            metrics |= {COVERAGE: member.trial / 10} if epoch == 2 else {}
            race.reported(leg.id, [MemberEpoch(key=member.key, epoch=epoch, metrics=metrics)])
        race.saved(leg.id, [Saved(key=member.key, epoch=3, uri="nowhere")])
        race.finished_leg(leg.id, 1.0)
    study.set("phase", "finished")
    study.flush()
    return home


def rows_of(home: SweepHome) -> list[Row]:
    return reading.rows(Study(home.id, "minimize", home.journal, writing=False), home.sweep().objective, live=False)


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_leaderboard_shows_the_coverage_of_the_best_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    home = raced()
    assert main(["show", home.id]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith(("trial", "t00"))]
    place = lines[0].index("class_coverage")
    shown = [line[place : place + len("class_coverage")].strip() for line in lines[1:4]]
    assert shown == ["0.2000", "0.1000", "0.0000"]
    sweep = home.sweep()
    table = leaderboard(rows_of(home), sweep)
    places = [table.columns.index(name) for name in ("trial", COVERAGE)]
    assert [[row[place] for place in places] for row in table.rows] == [[2, 0.2], [1, 0.1], [0, 0.0]]


def test_it_is_in_the_document_and_in_mlflow_s_view(capsys: pytest.CaptureFixture[str]) -> None:
    home = raced()
    assert main(["show", home.id, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [trial["beside"] for trial in document["trials"]] == [{COVERAGE: k / 10} for k in range(3)]
    card = {"name": "digits", "rows": {"train": 1}, "digest": "0"}
    [view] = shared_views(header(home, home.sweep(), card)).values()
    columns = json.loads(json.loads(view)["state"])["selectedColumns"]
    assert columns[:2] == ["metrics.`best_val_frechet_distance`", f"metrics.`{COVERAGE}`"]


def test_what_is_searched_is_not_shown_twice() -> None:
    home = raced("metric.name=val_class_coverage")
    assert [row.beside for row in rows_of(home)] == [{}, {}, {}]
