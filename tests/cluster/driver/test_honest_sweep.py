"""A whole sweep on data with a leak: told at the start, refused where strict; folds; and the winner looked at."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.helpers.small_sweep_in_mlflow import runs_of
from tests.helpers.sweep_here import Here
from tracking.store.open import open_mlflow

SPEC = """
name: honest
workload: softmax
data: {csv: pets.csv, target: kind, split: {folds: 3, group: owner}}
parameters: {lr: {min: 1e-3, max: 1e-1, log: true}, sampling: balanced}
trials: 2
epochs: 4
early_terminate: none
final: {top: 1, seeds: 2}
"""


def folder_of(tmp_path: Path) -> Here:
    rng = np.random.default_rng(0)
    kind = np.where(rng.uniform(size=240) < 0.25, "cat", "dog")
    weight = rng.normal(np.where(kind == "cat", 4, 9), 3)
    pets = {"weight": weight, "tail": rng.normal(20, 5, 240), "meows": kind == "cat", "owner": np.arange(240) // 3}
    pd.DataFrame({**pets, "kind": kind}).to_csv(tmp_path / "pets.csv", index=False)
    folder = Here(tmp_path)
    folder.write(SPEC)
    return folder


@pytest.mark.slow
def test_leaks_folds_and_the_winner_s_files(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    refused = folder.paceline("run", "sweep.yaml", "data.strict=true")
    assert refused.returncode == 2, refused.stderr
    assert (
        "data.strict: true allows no leak, received 1: column 'meows' determines the target 'kind'"
        in refused.stderr
    )
    done = folder.paceline("run", "sweep.yaml", "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("data: leak: column 'meows' determines the target 'kind'") == 1
    document = json.loads(done.stdout)
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    runs, client = runs_of(uri, document["sweep"]), open_mlflow(uri).client
    [sweep] = runs[""]
    assert "meows" in sweep.data.tags["data.leaks"]
    splits = json.loads(
        Path(client.download_artifacts(sweep.info.run_id, "splits.json", str(tmp_path))).read_text()
    )
    assert "meows" in splits["card"]["leaks"][0]
    assert {"fold0", "fold1", "fold2"} < set(splits["indices"])
    for trial in document["trials"]:
        [run] = runs[f"t{trial['number']:04d}"]
        assert run.data.metrics["val_accuracy_std"] >= 0
    looked_at = [
        (run, files)
        for key, found in runs.items()
        for run in found
        if "-s" in key and (files := client.list_artifacts(run.info.run_id, "verdict"))
    ]
    [(champion, files)] = looked_at
    names = {Path(file.path).name for file in files}
    assert {"report.html", "confusion.csv", "inspection.json", "importance.csv", "layers.csv"} <= names
    assert "val_accuracy_std" not in champion.data.metrics and "test_roc_auc" in champion.data.metrics
    table = pd.read_csv(client.download_artifacts(champion.info.run_id, "verdict/importance.csv", str(tmp_path)))
    assert set(table["column"]) == {"weight", "tail", "meows"} and table["column"][0] == "meows"
    assert document["verdict"]["overfitting"]
    first, trees = document["verdict"]["baselines"]
    assert (first["trained"], trees["failed"], trees["rows"]) == (False, None, len(splits["indices"]["train"]))
    assert trees["name"] == "gradient boosting (HistGradientBoosting)" and trees["mean"] > 0.9 > first["mean"]
    metrics, told = sweep.data.metrics, sweep.data.tags["sweep.baselines"]
    assert metrics["test_accuracy_baseline"] == pytest.approx(trees["mean"], rel=1e-6)
    assert told.splitlines()[1].endswith(trees["said"]) and trees["said"] in sweep.data.tags["mlflow.note.content"]
    assert f"  {trees['mean']:.4f}  [" in folder.paceline("show", document["sweep"]).stdout
