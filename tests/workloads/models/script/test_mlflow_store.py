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
