"""Metrics that a script logs to MLflow, read from the files of its store."""

from __future__ import annotations

from pathlib import Path

import pytest

from workloads.models.script.epochs import Epochs
from workloads.models.script.mlflow_store import MlflowStore

V = "val_acc"


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("steps", [False, True])
def test_values_without_a_step_are_counted(tmp_path: Path, at_once: bool, steps: bool) -> None:
    store = MlflowStore(tmp_path / "mlflow", "t000")
    metrics = store.folder / "0" / store.run_id / "metrics"
    epochs, told = Epochs(V), list[tuple[int, dict[str, float]]]()
    for number in range(4):
        for name, value in ((V, number / 10), ("f1", number / 5)):
            with (metrics / name).open("a") as file:
                file.write(f"{1000 + number} {value} {number if steps else 0}\n")
        if at_once and number < 3:
            continue
        for report in store.new():
            epochs.add(report)
        while epoch := epochs.next(over=True):
            told.append((epoch.number, {name: epoch.metrics[name] for name in (V, "f1")}))
    assert told == [(n + 1, {V: n / 10, "f1": n / 5}) for n in range(4)]


def test_nested_runs_have_no_epochs_of_the_trial_and_their_files_apart(tmp_path: Path) -> None:
    store = MlflowStore(tmp_path / "mlflow", "t000")
    child = store.folder / "0" / "c0ffee"
    for run, value in ((store.folder / "0" / store.run_id, 0.5), (child, 0.9)):
        for part in ("metrics", "artifacts", "params", "tags"):
            (run / part).mkdir(parents=True, exist_ok=True)
        (run / "meta.yaml").touch()
        (run / "metrics" / V).write_text(f"1000 {value} 0\n")
        (run / "artifacts" / "a.txt").write_text(str(value))
    (child / "tags" / "mlflow.parentRunId").write_text(store.run_id)
    (child / "params" / "C").write_text("0.1")
    assert [report.metrics for report in store.new()] == [{V: 0.5}] and store.left_out == {V}
    files = {name: path.read_text() for name, path in store.artifacts}
    assert files.pop("further_runs/c0ffee/mlflow.json") and files == {
        "a.txt": "0.5",
        "further_runs/c0ffee/a.txt": "0.9",
    }
