"""What a sweep looks like in MLflow, whichever way it came there, and how a resume puts it right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from search_spaces.types.failure import FailureReason
from tests.helpers.small_sweep_in_mlflow import (
    HEADER,
    SWEEP,
    curve,
    metrics,
    open_writer,
    params,
    runs_of,
    write_trial,
)
from tracking import names
from tracking.results import table
from tracking.store.errors import Away, Refused
from tracking.store.open import open_mlflow, open_store
from tracking.store.records import Best, RunFacts
from tracking.ui.server import Server

ROWS = ["trial,note\n", "0,caf\u00e9 and more\n", "1,\n"]
"""Rows of a leaderboard."""


def test_a_sweep_is_stored_as_the_conventions_say(
    any_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages: list[str] = []
    writer = open_writer(any_uri, tmp_path / "spool", messages)
    for number, state in enumerate(["done", "stopped", "failed"]):
        write_trial(writer, number, epochs=number + 2, state=state)
    writer.trial("t0000-s1", 0, "final", params(0))
    writer.state("t0000-s1", "done", {"test_accuracy": 0.5})
    writer.text(names.SPLITS_FILE, "[1, 2]")
    writer.text("sweep/notes.txt", "hello", key="t0001")
    monkeypatch.setattr("tracking.writer.writer.PART", 8)
    writer.long_text(names.LEADERBOARD_CSV, ROWS)
    writer.summary(
        "finished", Best(number=2, value=0.9, params={"lr": 0.1}), {"best_val_accuracy": 0.9}, {"verdict": "yes"}
    )
    assert writer.close(60)
    assert messages == []

    runs = {key: run for key, [run] in runs_of(any_uri).items()}
    assert set(runs) == {"", "t0000", "t0001", "t0002", "t0000-s1"}
    assert writer.run_ids == {key: run.info.run_id for key, run in runs.items() if key}
    _is_the_sweeps_own_run(runs[""])
    statuses = {key: (run.info.status, run.data.tags["trial.state"]) for key, run in runs.items() if key}
    assert statuses["t0000"] == ("FINISHED", "done")
    assert statuses["t0001"] == ("FINISHED", "pruned")
    assert statuses["t0002"] == ("FAILED", "failed")
    assert runs["t0002"].data.tags["trial.error"] == "ValueError: no luck"
    assert runs["t0002"].data.tags["trial.failure"] == "raised"
    _are_nested(runs)
    _is_a_trials_run(any_uri, runs["t0001"])
    _have_data_and_files(any_uri, runs)


def _is_the_sweeps_own_run(parent: Any) -> None:
    assert (parent.info.run_name, parent.info.status) == (f"digits-mlp {SWEEP}: 0.9", "FINISHED")
    assert parent.data.params == {"trials": "8", "schedule": "asha"}
    assert (
        parent.data.tags["mlflow.note.content"].splitlines()[0]
        == "**Best in search: t002, val_accuracy 0.9** with `lr=0.1`"
    )
    assert {k: parent.data.tags[k] for k in ("sweep.role", "sweep.state", "verdict")} == {
        "sweep.role": "sweep",
        "sweep.state": "finished",
        "verdict": "yes",
    }


def _are_nested(runs: dict[str, Any]) -> None:
    parents = {key: run.data.tags.get("mlflow.parentRunId") for key, run in runs.items()}
    assert parents == {key: runs[""].info.run_id if key else None for key in runs}


def _is_a_trials_run(any_uri: str, trial: Any) -> None:
    assert trial.info.run_name == "t001 lr=0.01 width=2 optimizer=adam"
    assert trial.data.params == {key: str(value) for key, value in params(1).items()}
    assert trial.data.tags["trial.number"] == "1"
    assert trial.data.metrics["xparam.log10_lr"] == -2.0
    assert trial.data.metrics["xparam.width"] == 2.0
    assert "xparam.optimizer" not in trial.data.metrics and "xparam.nesterov" not in trial.data.metrics
    assert curve(any_uri, trial.info.run_id) == [
        (e, names.clean_metric(metrics(1, e)["val_accuracy"])) for e in (1, 2, 3)
    ]
    assert trial.data.metrics["best_epoch"] == 3
    assert trial.info.end_time >= trial.info.start_time


def _have_data_and_files(any_uri: str, runs: dict[str, Any]) -> None:
    store = open_mlflow(any_uri)
    for run in runs.values():
        [dataset] = store.client.get_run(run.info.run_id).inputs.dataset_inputs
        assert (dataset.dataset.name, dataset.dataset.digest) == ("digits", "0123abcd")
        assert [(tag.key, tag.value) for tag in dataset.tags] == [("mlflow.data.context", "training")]
    artifacts = {item.path for item in store.client.list_artifacts(runs[""].info.run_id)}
    assert artifacts == {"spec.yaml", "splits.json", "sweep"}
    board = store.client.download_artifacts(runs[""].info.run_id, names.LEADERBOARD_CSV)
    assert Path(board).read_text() == "".join(ROWS)
    assert [item.path for item in store.client.list_artifacts(runs["t0001"].info.run_id, "sweep")] == [
        "sweep/notes.txt"
    ]
    for reader in (store, open_store(any_uri)):
        assert reader.read_bytes(runs["t0001"].info.run_id, "sweep/notes.txt") == b"hello"
        with pytest.raises((Away, Refused)):
            reader.read_bytes(runs["t0001"].info.run_id, "sweep/none.txt")
        reader.close()


def test_both_ways_into_a_store_give_one_result(sqlite_uri: str, server: Server, tmp_path: Path) -> None:
    header = HEADER.__class__(**{**HEADER.__dict__, "sweep_id": "both"})
    tables = []
    for name, any_uri in (("a", sqlite_uri), ("b", server.url)):
        writer = open_writer(any_uri, tmp_path / name, header=header)
        for number in range(4):
            write_trial(writer, number, epochs=2 + number, state="stopped" if number else "done")
        assert writer.close(60)
        tables.append(table.trials(any_uri, "both", "val_accuracy").drop(columns="run_id"))
    assert len(tables[0]) == 4
    assert tables[0].equals(tables[1])


def test_reconcile_makes_the_runs_agree_with_the_study(any_uri: str, tmp_path: Path) -> None:
    header = HEADER.__class__(**{**HEADER.__dict__, "sweep_id": "agree"})
    first = open_writer(any_uri, tmp_path / "first", header=header)
    write_trial(first, 0)
    write_trial(first, 1, epochs=2, state="running")
    write_trial(first, 9)  # the study lost it
    assert first.close(60)
    store = open_mlflow(any_uri)
    tags = {"sweep.id": "agree", "sweep.role": "trial", "trial.key": "t0000", "trial.state": "running"}
    store.client.delete_tag(first.run_ids["t0001"], "mlflow.parentRunId")  # of a version before
    twin = store.client.create_run(first.experiment_id, tags=tags)
    boom = FailureReason("diverged", "boom")
    history = {epoch: metrics(1, epoch)["val_accuracy"] for epoch in range(1, 5)}
    facts = {
        "t0000": RunFacts(number=0, role="trial", params=params(0), state="done"),
        "t0001": RunFacts(number=1, role="trial", params=params(1), state="stopped", history=history),
        "t0002": RunFacts(number=2, role="trial", params=params(2), state="failed", history={1: 0.5}, failure=boom),
    }
    for folder in ("second", "third"):  # twice: the second time there is nothing to do
        messages: list[str] = []
        writer = open_writer(any_uri, tmp_path / folder, messages, header)
        writer.reconcile(facts)
        writer.epoch("t0001", 4, {"val_accuracy": 0.0})  # trained again
        writer.epoch("t0001", 5, {"val_accuracy": 0.75})
        assert writer.close(60)
        if folder == "second":
            assert len(messages) == 1 and messages[0].endswith(
                "1 made, 2 twins or orphans moved to the bin, 3 missing values added"
            )
        history[5] = 0.75
    assert messages == []

    runs = {key: run for key, [run] in runs_of(any_uri, "agree").items()}
    assert set(runs) == {"", "t0000", "t0001", "t0002"}
    assert runs["t0000"].info.run_id == first.run_ids["t0000"]
    _are_nested(runs)
    states = {key: (run.info.status, run.data.tags["trial.state"]) for key, run in runs.items() if key}
    assert states == {
        "t0000": ("FINISHED", "done"),
        "t0001": ("FINISHED", "pruned"),
        "t0002": ("FAILED", "failed"),
    }
    assert runs["t0002"].data.tags["trial.error"] == "diverged: boom"
    assert runs["t0002"].data.tags["trial.failure"] == "diverged"
    assert "trial.failure" not in runs["t0000"].data.tags
    steps = [step for step, _ in sorted(curve(any_uri, runs["t0001"].info.run_id))]
    assert steps == [1, 2, 3, 4, 5]
    assert store.client.get_run(twin.info.run_id).info.status == "KILLED"


def test_a_run_that_the_study_lost_may_come_anew(any_uri: str, tmp_path: Path) -> None:
    header, messages = HEADER.__class__(**{**HEADER.__dict__, "sweep_id": "anew"}), list[str]()
    first = open_writer(any_uri, tmp_path / "spool", messages, header)
    write_trial(first, 0)
    first.trial("t0001", 1, "trial", params(7))  # told to MLflow; the driver died before the study had it
    assert first.close(60)
    lost = first.run_ids["t0001"]
    second = open_writer(any_uri, tmp_path / "spool", messages, header)
    second.reconcile({"t0000": RunFacts(number=0, role="trial", params=params(0), state="done")})
    write_trial(second, 1)
    assert second.close(60)
    third = open_writer(any_uri, tmp_path / "spool", messages, header)
    write_trial(third, 1)  # trained again: there already
    assert third.close(60)
    assert len(messages) == 1 and messages[0].endswith("1 twins or orphans moved to the bin")
    runs = {key: run for key, [run] in runs_of(any_uri, "anew").items()}
    assert set(runs) == {"", "t0000", "t0001"}
    assert runs["t0001"].info.run_id != lost
    assert runs["t0001"].data.params["lr"] == str(params(1)["lr"])
    assert [step for step, _ in sorted(curve(any_uri, runs["t0001"].info.run_id))] == [1, 2, 3]
