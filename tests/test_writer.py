"""The writer against real stores: everything arrives once, in order, through outages, crashes and bad events."""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tracking_help import (
    HEADER,
    SWEEP,
    curve,
    metrics,
    open_writer,
    params,
    runs_of,
    wait_for,
    write_trial,
)
from tracking import names, table
from tracking.changes import Best, RunFacts
from tracking.store import open_mlflow, open_store
from tracking.ui import Server, serve


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty store: MLflow's migrations run once for all tests."""
    path = tmp_path_factory.mktemp("template") / "mlflow.db"
    open_store(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_uri(template: Path, tmp_path: Path) -> str:
    shutil.copy(template, tmp_path / "mlflow.db")
    return f"sqlite:///{tmp_path / 'mlflow.db'}"


@pytest.fixture(scope="module")
def server(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    shutil.copy(template, folder / "mlflow.db")
    server = serve(f"sqlite:///{folder / 'mlflow.db'}", 0, folder / "server.log")
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "http"])
def uri(request: pytest.FixtureRequest) -> str:
    return (
        request.getfixturevalue("sqlite_uri")
        if request.param == "sqlite"
        else request.getfixturevalue("server").url
    )


def test_a_sweep_is_stored_as_the_conventions_say(uri: str, tmp_path: Path) -> None:
    messages: list[str] = []
    (tmp_path / "splits.json").write_text("[1, 2]")
    writer = open_writer(uri, tmp_path / "spool", messages)
    for number, state in enumerate(["done", "stopped", "failed"]):
        write_trial(writer, number, epochs=number + 2, state=state)
    writer.trial("t0000-s1", 0, "final", params(0))
    writer.state("t0000-s1", "done", {"test_acc": 0.5})
    writer.file(tmp_path / "splits.json", names.SPLITS_FILE)
    writer.text("sweep/notes.txt", "hello", key="t0001")
    writer.summary(
        "finished", Best(number=2, value=0.9, params={"lr": 0.1}), {"best_val_acc": 0.9}, {"verdict": "yes"}
    )
    assert writer.close(60)
    assert messages == []

    runs = {key: run for key, [run] in runs_of(uri).items()}
    assert set(runs) == {"", "t0000", "t0001", "t0002", "t0000-s1"}
    assert writer.run_ids == {key: run.info.run_id for key, run in runs.items() if key}
    parent = runs[""]
    assert (parent.info.run_name, parent.info.status) == (f"sweep {SWEEP}", "FINISHED")
    assert parent.data.params == {"trials": "8", "schedule": "asha"}
    assert parent.data.tags["mlflow.note.content"].splitlines()[0] == "**Best: trial 2, val_acc 0.9** with `lr=0.1`"
    assert {k: parent.data.tags[k] for k in ("sweep.role", "sweep.state", "verdict")} == {
        "sweep.role": "sweep",
        "sweep.state": "finished",
        "verdict": "yes",
    }
    statuses = {key: (run.info.status, run.data.tags["trial.state"]) for key, run in runs.items() if key}
    assert statuses["t0000"] == ("FINISHED", "done")
    assert statuses["t0001"] == ("FINISHED", "stopped")
    assert statuses["t0002"] == ("FAILED", "failed")
    assert runs["t0002"].data.tags["trial.error"] == "ValueError: no luck"

    trial = runs["t0001"]
    assert trial.info.run_name == "t001 lr=0.01 width=2 optimizer=adam"
    assert trial.data.params == {key: str(value) for key, value in params(1).items()}
    assert trial.data.tags["trial.number"] == "1"
    assert trial.data.metrics["hp/log10_lr"] == -2.0
    assert trial.data.metrics["hp/width"] == 2.0
    assert "hp/optimizer" not in trial.data.metrics and "hp/nesterov" not in trial.data.metrics
    assert curve(uri, trial.info.run_id) == [(e, names.clean_metric(metrics(1, e)["val_acc"])) for e in (1, 2, 3)]
    assert trial.data.metrics["best_epoch"] == 3
    assert trial.info.end_time >= trial.info.start_time

    store = open_mlflow(uri)
    for run in runs.values():
        [dataset] = store.client.get_run(run.info.run_id).inputs.dataset_inputs
        assert (dataset.dataset.name, dataset.dataset.digest) == ("digits", "0123abcd")
        assert [(tag.key, tag.value) for tag in dataset.tags] == [("mlflow.data.context", "training")]
    artifacts = {item.path for item in store.client.list_artifacts(parent.info.run_id)}
    assert artifacts == {"spec.yaml", "splits.json"}
    assert [item.path for item in store.client.list_artifacts(trial.info.run_id, "sweep")] == ["sweep/notes.txt"]


def test_both_ways_into_a_store_give_one_result(sqlite_uri: str, server: Server, tmp_path: Path) -> None:
    header = HEADER.__class__(**{**HEADER.__dict__, "sweep_id": "both"})
    tables = []
    for name, uri in (("a", sqlite_uri), ("b", server.url)):
        writer = open_writer(uri, tmp_path / name, header=header)
        for number in range(4):
            write_trial(writer, number, epochs=2 + number, state="stopped" if number else "done")
        assert writer.close(60)
        tables.append(table.trials(uri, "both", "val_acc").drop(columns="run_id"))
    assert len(tables[0]) == 4
    assert tables[0].equals(tables[1])


def test_an_outage_in_mid_sweep_loses_and_doubles_nothing(template: Path, tmp_path: Path) -> None:
    shutil.copy(template, tmp_path / "mlflow.db")
    store = f"sqlite:///{tmp_path / 'mlflow.db'}"
    server = serve(store, 0, tmp_path / "server.log")
    port = int(server.url.rpartition(":")[2])
    messages: list[str] = []
    writer = open_writer(server.url, tmp_path / "spool", messages)
    try:
        writer.trial("t0000", 0, "trial", params(0))
        for epoch in range(1, 4):
            writer.epoch("t0000", epoch, metrics(0, epoch))
        wait_for(lambda: writer.connected(0) and writer.stats.num_waiting_bytes == 0)
        server.kill()
        for epoch in range(4, 8):
            writer.epoch("t0000", epoch, metrics(0, epoch))
        write_trial(writer, 1)
        wait_for(lambda: any("is away" in message for message in messages))
        writer.epoch("t0000", 8, metrics(0, 8))
        server = serve(store, port, tmp_path / "server2.log")
        writer.state("t0000", "done", {})
        assert writer.close(60)
        assert [message.split(" (")[0].split(": ")[0] for message in messages] == [
            f"MLflow at {server.url} is away",
            f"MLflow at {server.url} is back",
        ]
        runs = runs_of(server.url)
        assert {key: len(found) for key, found in runs.items()} == {"": 1, "t0000": 1, "t0001": 1}
        for key, epochs in (("t0000", 8), ("t0001", 3)):
            expected = [(e, names.clean_metric(metrics(int(key[-1]), e)["val_acc"])) for e in range(1, epochs + 1)]
            assert curve(server.url, runs[key][0].info.run_id) == expected
            assert runs[key][0].info.status == "FINISHED"
    finally:
        server.stop()


def test_a_store_that_stays_away_is_told_and_the_spool_kept(tmp_path: Path, sqlite_uri: str) -> None:
    messages: list[str] = []
    writer = open_writer("http://127.0.0.1:9", tmp_path / "spool", messages)
    write_trial(writer, 0)
    assert not writer.connected(0)
    assert not writer.close(1.5)
    assert str(tmp_path / "spool") in messages[-1]
    again = open_writer(sqlite_uri, tmp_path / "spool")
    assert again.close(60)
    assert len(curve(sqlite_uri, again.run_ids["t0000"])) == 3


KILLED = """
import sys
from pathlib import Path
from tests.tracking_help import metrics, open_writer, params
writer = open_writer(sys.argv[1], Path(sys.argv[2]))
writer.trial("t0000", 0, "trial", params(0))
assert writer.connected(60)
epoch = 0
while True:
    epoch += 1
    writer.epoch("t0000", epoch, metrics(0, epoch))
    print(epoch, flush=True)
"""


def test_a_killed_process_is_continued_from_its_spool(sqlite_uri: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, sqlite_uri, str(tmp_path / "spool")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent.parent)
    assert process.stdout is not None
    last = 0
    for line in process.stdout:
        last = int(line)
        if last >= 3000:
            process.kill()
            break
    last = max([last, *(int(line) for line in process.stdout if line.endswith("\n"))])
    process.wait()
    with (tmp_path / "spool" / "events.jsonl").open("a") as spool:
        spool.write('{"kind":"epoch","key":"t00')  # torn

    messages: list[str] = []
    writer = open_writer(sqlite_uri, tmp_path / "spool", messages)
    writer.trial("t0000", 0, "trial", params(0))  # the driver says what it knows again
    for epoch in range(last - 5, last + 3):
        writer.epoch("t0000", epoch, {"val_acc": 0.125, "val_loss": 0.5})
    writer.state("t0000", "done", {})
    assert writer.close(60)
    assert any("torn" in message for message in messages)
    [run] = runs_of(sqlite_uri)["t0000"]
    points = curve(sqlite_uri, run.info.run_id)
    assert [step for step, _ in points] == list(range(1, last + 3))
    assert points[:last] == [(e, names.clean_metric(metrics(0, e)["val_acc"])) for e in range(1, last + 1)]
    assert run.info.status == "FINISHED"


def test_a_refused_event_does_not_hold_up_the_rest(uri: str, tmp_path: Path) -> None:
    messages: list[str] = []
    header = HEADER.__class__(**{**HEADER.__dict__, "sweep_id": "poison"})
    writer = open_writer(uri, tmp_path / "spool", messages, header)
    write_trial(writer, 0)
    writer.epoch("t0099", 1, {"val_acc": 0.5})  # never announced
    writer.file(tmp_path / "missing.txt", "missing.txt")
    write_trial(writer, 1)
    assert writer.close(60)
    runs = runs_of(uri, "poison")
    assert set(runs) == {"", "t0000", "t0001"}
    assert [len(curve(uri, runs[key][0].info.run_id)) for key in ("t0000", "t0001")] == [3, 3]
    assert len(messages) == 2 and "t0099" in messages[0] and "missing.txt" in messages[1]
    assert len((tmp_path / "spool" / "refused.jsonl").read_text().splitlines()) == writer.stats.num_refused == 2


def test_values_that_mlflow_cannot_hold_are_told_by_tags(sqlite_uri: str, tmp_path: Path) -> None:
    messages: list[str] = []
    writer = open_writer(sqlite_uri, tmp_path / "spool", messages)
    writer.trial("t0000", 0, "trial", {"lr": 0.1, "layers": "64," * 3000, "bad!name": 1})
    writer.epoch("t0000", 1, {"val_acc": 0.1, "val_loss": math.inf})
    writer.epoch("t0000", 2, {"val_acc": math.nan, "val_loss": math.nan})
    writer.state("t0000", "failed", {"best_val_acc": 0.1}, "diverged")
    assert writer.close(60)
    [run] = runs_of(sqlite_uri)["t0000"]
    assert curve(sqlite_uri, run.info.run_id) == [(1, 0.1)]
    assert curve(sqlite_uri, run.info.run_id, "val_loss") == []
    assert run.data.tags["nonfinite.val_loss"] == "inf at epoch 1"
    assert run.data.tags["nonfinite.val_acc"] == "nan at epoch 2"
    assert len(run.data.params["layers"]) <= 6000
    assert run.data.params["layers"].endswith("[cut from 9000 characters]")
    assert run.data.params["bad_name"] == "1"
    assert len(messages) == 1 and "val_loss" in messages[0]


def test_reports_from_many_threads_all_arrive(sqlite_uri: str, tmp_path: Path) -> None:
    writer = open_writer(sqlite_uri, tmp_path / "spool")
    threads = [threading.Thread(target=write_trial, args=(writer, number, 20)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert writer.close(60)
    history = table.history(sqlite_uri, SWEEP, ["val_acc"])
    assert history.groupby("key")["epoch"].agg(list).tolist() == [list(range(1, 21))] * 8


def test_reconcile_makes_the_runs_agree_with_the_study(uri: str, tmp_path: Path) -> None:
    header = HEADER.__class__(**{**HEADER.__dict__, "sweep_id": "agree"})
    first = open_writer(uri, tmp_path / "first", header=header)
    write_trial(first, 0)
    write_trial(first, 1, epochs=2, state="running")
    write_trial(first, 9)  # the study lost it
    assert first.close(60)
    store = open_mlflow(uri)
    tags = {"sweep.id": "agree", "sweep.role": "trial", "trial.key": "t0000", "trial.state": "running"}
    twin = store.client.create_run(first.experiment_id, tags=tags)
    history = {epoch: metrics(1, epoch)["val_acc"] for epoch in range(1, 5)}
    facts = {
        "t0000": RunFacts(number=0, role="trial", params=params(0), state="done"),
        "t0001": RunFacts(number=1, role="trial", params=params(1), state="stopped", history=history),
        "t0002": RunFacts(number=2, role="trial", params=params(2), state="failed", history={1: 0.5}, error="boom"),
    }
    for folder in ("second", "third"):  # twice: the second time there is nothing to do
        messages: list[str] = []
        writer = open_writer(uri, tmp_path / folder, messages, header)
        writer.reconcile(facts)
        writer.epoch("t0001", 4, {"val_acc": 0.0})  # trained again
        writer.epoch("t0001", 5, {"val_acc": 0.75})
        assert writer.close(60)
        if folder == "second":
            assert len(messages) == 1 and messages[0].endswith(
                "1 made, 2 twins or orphans moved to the bin, 3 missing values added"
            )
        history[5] = 0.75
    assert messages == []

    runs = {key: run for key, [run] in runs_of(uri, "agree").items()}
    assert set(runs) == {"", "t0000", "t0001", "t0002"}
    assert runs["t0000"].info.run_id == first.run_ids["t0000"]
    states = {key: (run.info.status, run.data.tags["trial.state"]) for key, run in runs.items() if key}
    assert states == {
        "t0000": ("FINISHED", "done"),
        "t0001": ("FINISHED", "stopped"),
        "t0002": ("FAILED", "failed"),
    }
    assert runs["t0002"].data.tags["trial.error"] == "boom"
    steps = [step for step, _ in sorted(curve(uri, runs["t0001"].info.run_id))]
    assert steps == [1, 2, 3, 4, 5]
    assert store.client.get_run(twin.info.run_id).info.status == "KILLED"
