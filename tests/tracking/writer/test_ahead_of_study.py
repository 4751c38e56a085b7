"""Epochs that MLflow was told of before its driver died, which the study does not have."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.small_sweep_in_mlflow import curve, metrics, open_writer, params, runs_of
from tracking.store.records import RunFacts
from tracking.writer.events import EpochMeasured, EpochsWithdrawn, TrialBegan
from tracking.writer.spool import Spool
from tracking.writer.told import Told, joined, of_spool


@pytest.mark.parametrize("again", [2, 3, 4])
def test_they_stay_only_where_they_are_trained_again(sqlite_uri: str, tmp_path: Path, again: int) -> None:
    folder = tmp_path / "spool"
    first = open_writer(sqlite_uri, folder)
    first.trial("t0000", 0, "trial", params(0))
    for epoch in range(1, 5):
        first.epoch("t0000", epoch, metrics(0, epoch))
    first.text("note.txt", "kept", "t0000")
    assert first.close(60)
    history = {epoch: metrics(0, epoch)["val_accuracy"] for epoch in (1, 2)}
    second = open_writer(sqlite_uri, folder)
    second.reconcile({"t0000": RunFacts(number=0, role="trial", params=params(0), state="paused", history=history)})
    for epoch in range(3, again + 1):
        second.epoch("t0000", epoch, metrics(0, epoch))
    second.state("t0000", "stopped", {"train_seconds": 0.5})
    assert second.close(60)
    [run] = runs_of(sqlite_uri)["t0000"]
    assert run.info.run_id == second.run_ids["t0000"]
    assert (run.info.run_id == first.run_ids["t0000"]) == (again == 4)
    for name in ("val_accuracy", "val_loss"):
        expected = [(epoch, pytest.approx(metrics(0, epoch)[name])) for epoch in range(1, again + 1)]
        assert curve(sqlite_uri, run.info.run_id, name) == expected
    assert run.info.status == "FINISHED" and run.data.metrics["train_seconds"] == 0.5
    assert max(of_spool(folder, "val_accuracy")["t0000"].epochs) == again


def test_withdrawn_epochs_are_not_taken_from_mlflow_before_it_knows(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append(TrialBegan(key="t0000", number=0, role="trial", params={}))
    for epoch in (1, 2, 3):
        spool.append(EpochMeasured(key="t0000", epoch=epoch, metrics={"val_accuracy": 0.5}))
    spool.append(EpochsWithdrawn(key="t0000", kept=1))
    in_mlflow = Told(
        number=0,
        role="trial",
        params={},
        epochs={epoch: {"val_accuracy": 0.4} for epoch in (1, 2, 3)},
        rounded=frozenset({1, 2, 3}),
    )
    told = joined(of_spool(tmp_path, "val_accuracy"), {"t0000": in_mlflow})["t0000"]
    assert (list(told.epochs), told.rounded) == ([1], frozenset())
    spool.append(EpochMeasured(key="t0000", epoch=2, metrics={"val_accuracy": 0.6}))
    told = joined(of_spool(tmp_path, "val_accuracy"), {"t0000": in_mlflow})["t0000"]
    assert told.epochs == {1: {"val_accuracy": 0.5}, 2: {"val_accuracy": 0.6}}, "trained again"
