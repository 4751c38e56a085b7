"""A sweep that has ended goes on with more trials, in one life and over a death, seen from every side."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.commands import Folder, agree
from tests.helpers.kill_processes import Blow, Life
from tests.helpers.sweep_here import Here

pytestmark = pytest.mark.slow

SPEC = """
name: more
workload: mlp
data: {name: wine}
epochs: 3
trials: 5
cohort: 2
seed: 3
parameters:
  lr: {min: 1e-3, max: 3e-2, log: true}
  dropout: {min: 0.0, max: 0.5}
final: {top: 1, seeds: 2}
"""


def rows(folder: Folder, query: str, *values: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(folder.path / "mlflow.db")) as db:
        return db.execute(query, values).fetchall()


def finals(folder: Folder) -> dict[str, tuple[str, int]]:
    """Run and number of stored metric points of every final member, the verdict's among them."""
    count = "select count(*) from metrics where run_uuid = ?"
    runs = {key: run["run_id"] for key, run in folder.runs("final").items()}
    return {key: (run_id, rows(folder, count, run_id)[0][0]) for key, run_id in runs.items()}


def artifact(folder: Folder, document: dict[str, Any], name: str) -> str:
    parent = document["tracking"]["parent_run_id"]
    [[place]] = rows(folder, "select artifact_uri from runs where run_uuid = ?", parent)
    return (Path(place) / name).read_text()


def whole(folder: Folder, document: dict[str, Any], num_trials: int) -> None:
    """Journal, MLflow, artifacts, spec and document tell of one finished sweep of so many trials, judged once."""
    agree(folder, document, num_trials)
    assert document["state"] == "finished"
    [parent] = folder.runs("sweep").values()
    assert (parent["run_id"], parent["sweep.state"]) == (document["tracking"]["parent_run_id"], "finished")
    metrics = dict(rows(folder, "select key, value from latest_metrics where run_uuid = ?", parent["run_id"]))
    assert (metrics["sweep/planned"], metrics["sweep/trials"]) == (num_trials, num_trials)
    assert metrics["test_accuracy"] == pytest.approx(document["verdict"]["winner"]["mean"], rel=1e-6)
    assert rows(folder, "select key from params where run_uuid = ? and key = 'trials'", parent["run_id"]) == []
    spec = (folder.path / ".paceline" / document["sweep"] / "sweep.yaml").read_text()
    assert f"trials: {num_trials}\n" in spec and spec.partition("\n")[2] == artifact(folder, document, "spec.yaml")
    assert len(artifact(folder, document, "sweep/leaderboard.csv").splitlines()) == 1 + num_trials
    winner = f"t{document['verdict']['winner']['number']:04d}-s"
    champion = "select run_id from model_versions v join registered_model_aliases a on v.name = a.name "
    [[run_id]] = rows(folder, champion + "and v.version = a.version where a.alias = 'champion'")
    assert run_id in {run["run_id"] for key, run in folder.runs("final").items() if key.startswith(winner)}
    assert len(rows(folder, "select * from model_versions")) == len(
        {run_id for (run_id,) in rows(folder, "select run_id from model_versions")}
    )
    assert folder.document("show") == document


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A folder with a sweep that has ended; it grows from test to test."""
    folder = Here(tmp_path_factory.mktemp("more"))
    folder.write(SPEC)
    whole(folder, folder.document("run", "sweep.yaml"), 5)
    return folder


def test_a_finished_sweep_goes_on(finished: Folder) -> None:
    before, judged = finished.document("show"), finals(finished)
    num = len(before["trials"])
    document = finished.document("resume", "--trials", "+3")
    whole(finished, document, num + 3)
    assert document["sweep"] == before["sweep"]
    assert document["trials"][:num] == before["trials"], "what had ended stays as it was"
    after = finals(finished)
    assert {key: after[key] for key in judged} == judged, "no earlier finalist is trained or scored again"
    new = {int(key[1:5]) for key in after.keys() - judged.keys()}
    assert new <= {document["best"]["number"]} and (new or document["best"] == before["best"])
    assert document["cost"]["seconds"] > before["cost"]["seconds"]


@pytest.mark.soak  # the draws of tests/chaos kill drivers, and the test above makes a search longer
def test_a_longer_search_survives_a_death(finished: Folder) -> None:
    before, judged = finished.document("show"), finals(finished)
    num = len(before["trials"])
    life = Life.begin(finished, "resume", "--trials", str(num + 4))
    assert life.strike(Blow("everything", "search", 0.3))
    assert finished.document("show")["verdict"] is None, "that of fewer trials is not the last word"
    document = finished.document("resume")
    whole(finished, document, num + 4)
    assert document["trials"][:num] == before["trials"]
    assert judged.items() <= finals(finished).items()
