"""The notes of a judged sweep in MLflow: numbers as the terminal has them, links, how to load the champion."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cluster.driver.driver import Driver
from cluster.sweep.document import document
from cluster.sweep.mlflow_notes import notes
from cluster.sweep.mlflow_notes.notes import Judged
from cluster.sweep.reading import Reading
from cluster.sweep.stop import Stop
from cluster.sweep.tracker import Tracker
from cluster.terminal.views import QuietView
from search_spaces.spec.sweep import parse_sweep
from tests.helpers.finished_sweep_without_ray import CARD, SPEC, raced
from tests.helpers.small_sweep_in_mlflow import open_writer, params, runs_of
from tracking.results.table import sweep_runs
from tracking.ui.links import TRAINING
from workloads.registry import catalogue


def estimate(mean: float, low: float | None = None, high: float | None = None) -> dict[str, Any]:
    return {"mean": mean, "ci95": [low, high], "seeds": 3}


VERDICT: dict[str, Any] = {
    "metric": "test_accuracy",
    "winner": {"number": 8, "params": {"lr": 5.08952353e-06}, **estimate(0.95678, 0.92, 0.976)},
    "default": {"number": 0, **estimate(0.7753)},
    "difference": estimate(0.18, 0.1, 0.25),
    "interval": {"over": "seeds", "rows": None},
    "baseline": None,
    "baselines": [],
    "unpredicted": [],
}


def judged(tmp_path: Path, **changed: Any) -> Judged:
    known = Judged(
        sweep_id="f5b9",
        sweep=parse_sweep(SPEC, "spec.yaml", tmp_path, catalogue=catalogue()),
        verdict=VERDICT,
        card={**CARD, "leaks": ["2 rows of test are rows of train"]},
        model="models:/wines@champion",
        experiment_id="7",
        parent_run_id="own",
        champion_run_id="best",
    )
    return replace(known, **changed)


def test_the_sweeps_note_leads_to_the_champion_its_report_and_its_model(tmp_path: Path) -> None:
    told = "\n".join(notes.of_sweep(judged(tmp_path)))
    assert "**test_accuracy 0.9568 [0.9200, 0.9760]** on the test split, over 3 seeds (95 % interval)" in told
    assert "the defaults: 0.7753. 95 % intervals over the seeds alone: for other test rows" in told
    assert '`mlflow.pyfunc.load_model("models:/wines@champion").predict(rows)`' in told
    for place in ("own/artifacts/sweep/report.html", "best", "best/artifacts/verdict/report.html"):
        assert f"(#/experiments/7/runs/{place}?{TRAINING})" in told
    assert f"(#/models/wines?{TRAINING})" in told


def test_the_champions_note_tells_data_leaks_and_settings(tmp_path: Path) -> None:
    told = notes.of_champion(judged(tmp_path))
    assert f"[wines f5b9](#/experiments/7/runs/own?{TRAINING})" in told
    assert "0.9568 [0.9200, 0.9760]" in told
    assert "t008: `lr=5.1e-06`" in told and "**Leak: 2 rows of test are rows of train**" in told
    assert "Data: wine, rows train 100, val 40, test 38 (digest 000000000000)." in told


def test_the_version_is_described_by_its_score_and_the_model_card(tmp_path: Path) -> None:
    told = notes.of_version(judged(tmp_path), "# the card")
    assert told.startswith(
        f"Champion of sweep [wines f5b9](#/experiments/7/runs/own?{TRAINING}). **test_accuracy 0.9568 ["
    )
    assert f"[its model card](#/experiments/7/runs/best/artifacts/model_card.md?{TRAINING})\n\n# the card" in told


def test_what_is_not_known_is_not_linked(tmp_path: Path) -> None:
    away = judged(tmp_path, experiment_id=None, parent_run_id=None, champion_run_id=None, model=None)
    assert "](" not in notes.of_champion(away) + "".join(notes.of_sweep(away)).replace("(#/models", "")
    files = judged(tmp_path, model="runs:/best/saved")
    assert "paceline best f5b9 --files DIR" in notes.of_champion(files) and "#/models" not in notes.of_champion(
        files
    )


def test_the_champions_run_is_marked_until_another_one_is(sqlite_uri: str, tmp_path: Path) -> None:
    def end(champion: str, note: str) -> dict[str, tuple[str | None, str | None]]:
        writer = open_writer(sqlite_uri, tmp_path / f"spool-{champion or 'none'}")
        for key in ("t0000-s1", "t0001-s1"):
            writer.trial(key, int(key[1:5]), "final", params(0))
        writer.rank(["t0000"], {}, champion=(champion, note))
        assert writer.close(60)
        tags = {key: run.data.tags for key, [run] in runs_of(sqlite_uri).items() if key}
        return {key: (one.get("trial.final"), one.get("mlflow.note.content")) for key, one in tags.items()}

    assert end("t0000-s1", "won") == {"t0000-s1": ("champion", "won"), "t0001-s1": (None, None)}
    assert end("", "")["t0000-s1"] == ("champion", "won"), "one that is not known takes nothing away"
    assert end("t0001-s1", "now") == {"t0000-s1": ("", ""), "t0001-s1": ("champion", "now")}


def test_the_sweep_s_run_tells_the_importance_of_hyperparameters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    monkeypatch.chdir(tmp_path)
    home = raced("trials=24")
    driver = Driver(home, home.sweep(), QuietView(sys.stderr), Stop(home.stop_mark))
    tracker = Tracker(home, driver.sweep, driver._study, driver.observer, CARD)
    driver._close(driver._coordinator(tracker), tracker)
    [own] = [run for run in sweep_runs(None, home.id) if not run.key]
    shares = document(Reading.of(home))["importance"]
    assert set(shares) == {"lr", "batch_size"}
    run = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db").get_run(own.run_id)
    assert {name: run.data.metrics[f"importance/{name}"] for name in shares} == pytest.approx(shares)
    first = next(iter(shares))
    said = f"Hyperparameter importance (PED-ANOVA): `{first}` {100 * shares[first]:.0f} %"
    assert said in run.data.tags["mlflow.note.content"]
