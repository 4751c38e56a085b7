"""Whole sweeps over a script: its verdict, its champion's files, and a final evaluation that fails and goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mlflow
import pytest

import paceline
from search_spaces.types.driver_errors import SweepError
from tests.helpers.sweep_here import Here

SCRIPT = """
import os, pathlib, sys, wandb

run = wandb.init()
lr, seed = wandb.config.lr, int(os.environ["PACELINE_SEED"])
if os.environ["PACELINE_PURPOSE"] == "final" and pathlib.Path("broken").exists():
    sys.exit("the test data is away")
for epoch in range(3):
    wandb.log({"epoch": epoch, "val_acc": lr * epoch + seed / 1000})
    pathlib.Path(run.dir, "model.txt").write_text(f"{lr} {seed}")
wandb.log({"test_acc": lr + seed / 1000})
"""
SPEC = """
name: scripted
program: train.py
method: random
metric: {name: val_acc, goal: maximize}
parameters: {lr: {min: 0.1, max: 1.0}}
start_from: [{lr: 0.1}]
run_cap: 3
max_concurrent: 1
tracking: {uri: "sqlite:///mlflow.db"}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Here:
    made = Here(tmp_path)
    made.write(SPEC)
    made.write(SCRIPT, "train.py")
    return made


@pytest.mark.slow
def test_an_untouched_script_runs_and_is_told_how_it_gets_a_verdict(folder: Here) -> None:
    done = folder.paceline("run", "sweep.yaml")
    assert done.returncode == 0, done.stderr
    told = "no final evaluation: none is asked for; `final: {top: 3, seeds: 5}` in the sweep file trains the best"
    assert f"{told} again with new seeds, and judges them by test_acc, which train.py reports" in done.stdout
    copied = folder.paceline("best", "last", "--files", "of_the_search")
    assert copied.returncode == 0, copied.stderr
    best = folder.document("best")
    found = (folder.path / "of_the_search" / "files" / "model.txt").read_text()
    assert found == f"{best['params']['lr']} 0" and Path(best["files"], "files", "model.txt").read_text() == found
    edited = folder.paceline("edit", "last", "final={top: 1, seeds: 2}")
    assert edited.returncode == 0 and "` continues it" in edited.stdout, edited.stderr
    verdict = folder.document("resume")["verdict"]
    assert verdict["winner"]["number"] == best["number"] and verdict["winner"]["seeds"] == 2
    again = folder.paceline("edit", "last", "final={top: 2}")
    assert again.returncode == 2 and "cannot be edited: the sweep has one" in again.stderr


@pytest.mark.slow
def test_its_verdict_its_champion_and_a_final_evaluation_that_fails_first(
    folder: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder.path / "broken").touch()
    failed = folder.paceline("run", "sweep.yaml", "final.top=1", "final.seeds=2", "max_retries=0")
    assert failed.returncode == 1, failed.stdout + failed.stderr
    assert "no final evaluation: all 4 trainings of the final evaluation failed, the last by: " in failed.stdout
    assert "exit code 1: the test data is away; once that is mended, `paceline resume" in failed.stdout
    assert folder.document("show")["no_verdict"].startswith("all 4 trainings")
    (folder.path / "broken").unlink()
    resumed = folder.paceline("resume")
    assert resumed.returncode == 0 and "could not be" not in resumed.stdout, resumed.stdout + resumed.stderr
    document = folder.document("show")
    verdict: dict[str, Any] = document["verdict"]
    assert document["no_verdict"] is None and verdict["tested_by"] == "train.py"
    best = max(document["trials"], key=lambda trial: trial["params"]["lr"])
    lr = best["params"]["lr"]
    assert verdict["winner"]["number"] == best["number"] == document["best"]["number"]
    assert verdict["winner"]["mean"] == pytest.approx(lr + 0.0015) and verdict["winner"]["seeds"] == 2
    assert Path(document["best"]["files"], "files", "model.txt").read_text() == f"{lr} 2", "of the best seed"
    shown = folder.paceline("show").stdout
    assert "final evaluation: test_acc as train.py measures it, on test data of its own" in shown
    assert "no final evaluation" not in shown
    assert "  first trial           t000   0.1015  [" in shown and "better than the first trial: the 95" in shown
    again = folder.paceline("resume")
    assert "nothing is left to do" in again.stderr

    monkeypatch.chdir(folder.path)
    result = paceline.load(document["sweep"])
    assert result.verdict is not None and result.verdict["winner"]["number"] == best["number"]
    copy = result.checkpoint(folder=folder.path / "copy")
    assert (copy / "files" / "model.txt").read_text() == f"{lr} 2"
    assert json.loads((copy / "trial.json").read_text())["params"] == {"lr": lr}
    with pytest.raises(SweepError, match="is not registered: `paceline best"):
        result.model()
    runs = folder.runs("final")
    champion = runs[f"t{best['number']:04d}-s2"]["run_id"]
    client = mlflow.MlflowClient(f"sqlite:///{folder.path / 'mlflow.db'}")
    assert [file.path for file in client.list_artifacts(champion, "saved/files")] == ["saved/files/model.txt"]
    assert [file.path for file in client.list_artifacts(champion, "files")] == ["files/model.txt"]
    assert {run["status"] for run in runs.values()} == {"FINISHED"}
