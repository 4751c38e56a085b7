"""The writer against real stores: everything arrives once, in order, through outages, crashes and bad events."""

from __future__ import annotations

import json
import math
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from search_spaces.types.failure import FailureReason
from tests.helpers.paths import ROOT
from tests.helpers.small_sweep_in_mlflow import (
    HEADER,
    curve,
    metrics,
    open_writer,
    params,
    runs_of,
    write_trial,
)
from tests.helpers.waiting import wait_until
from tracking import names
from tracking.store.errors import Away, Stuck
from tracking.ui.server import serve
from tracking.writer.events import TrialBegan, TrialsRanked
from tracking.writer.sender import Sender
from tracking.writer.spool import Spool
from tracking.writer.writer import Writer


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
        wait_until(lambda: _is_drained(tmp_path / "spool"), "everything is sent")
        server.kill()
        for epoch in range(4, 8):
            writer.epoch("t0000", epoch, metrics(0, epoch))
        write_trial(writer, 1)
        wait_until(lambda: any("is away" in message for message in messages), "the outage is told")
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
            expected = [
                (e, names.clean_metric(metrics(int(key[-1]), e)["val_accuracy"])) for e in range(1, epochs + 1)
            ]
            assert curve(server.url, runs[key][0].info.run_id) == expected
            assert runs[key][0].info.status == "FINISHED"
    finally:
        server.stop()


def _is_drained(spool: Path) -> bool:
    sent = int((spool / "sent").read_text().partition(" ")[0] or 0)
    return 0 < sent == (spool / "events.jsonl").stat().st_size


def test_a_store_that_stays_away_is_told_and_the_spool_kept(tmp_path: Path, sqlite_uri: str) -> None:
    messages: list[str] = []
    writer = open_writer("http://127.0.0.1:9", tmp_path / "spool", messages)
    write_trial(writer, 0)
    assert writer.parent_run_id is None
    assert not writer.close(1.5)
    assert str(tmp_path / "spool") in messages[-1]
    again = open_writer(sqlite_uri, tmp_path / "spool")
    assert again.close(60)
    assert len(curve(sqlite_uri, again.run_ids["t0000"])) == 3


KILLED = """
import sys, time
from pathlib import Path
from tests.helpers.small_sweep_in_mlflow import metrics, open_writer, params
writer = open_writer(sys.argv[1], Path(sys.argv[2]))
writer.trial("t0000", 0, "trial", params(0))
while writer.parent_run_id is None:
    time.sleep(0.01)
epoch = 0
while True:
    epoch += 1
    writer.epoch("t0000", epoch, metrics(0, epoch))
    print(epoch, flush=True)
"""


def test_a_killed_process_is_continued_from_its_spool(sqlite_uri: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, sqlite_uri, str(tmp_path / "spool")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
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
        writer.epoch("t0000", epoch, {"val_accuracy": 0.125, "val_loss": 0.5})
    writer.state("t0000", "done", {})
    assert writer.close(60)
    assert any("torn" in message for message in messages)
    [run] = runs_of(sqlite_uri)["t0000"]
    points = curve(sqlite_uri, run.info.run_id)
    assert [step for step, _ in points] == list(range(1, last + 3))
    assert points[:last] == [(e, names.clean_metric(metrics(0, e)["val_accuracy"])) for e in range(1, last + 1)]
    assert run.info.status == "FINISHED"


def test_a_store_of_an_unknown_schema_is_told_once_with_what_it_costs(
    sqlite_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracking.store.sqlite.REVISIONS", set())
    messages: list[str] = []
    writer = Writer(sqlite_uri, tmp_path / "spool", HEADER, messages.append)
    write_trial(writer, 0)
    assert writer.close(60)
    [told] = messages
    assert "schema dc11669786a5" in told and told.endswith("about 20 times slower a trial")


def test_a_refused_event_does_not_hold_up_the_rest(any_uri: str, tmp_path: Path) -> None:
    messages: list[str] = []
    header = HEADER.__class__(**{**HEADER.__dict__, "sweep_id": "poison"})
    writer = open_writer(any_uri, tmp_path / "spool", messages, header)
    write_trial(writer, 0)
    writer.epoch("t0099", 1, {"val_accuracy": 0.5})  # never announced
    writer.text("lost.txt", "of nobody", "t0098")
    write_trial(writer, 1)
    assert writer.close(60)
    runs = runs_of(any_uri, "poison")
    assert set(runs) == {"", "t0000", "t0001"}
    assert [len(curve(any_uri, runs[key][0].info.run_id)) for key in ("t0000", "t0001")] == [3, 3]
    assert len(messages) == 2 and "t099" in messages[0] and "t098" in messages[1]
    refused = map(json.loads, (tmp_path / "spool" / "refused.jsonl").read_text().splitlines())
    assert [line["event"]["key"] for line in refused] == ["t0099", "t0098"]


def test_whatever_an_event_raises_it_is_set_aside_and_the_rest_goes_on(
    sqlite_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect of a store, or of ours, costs the one event that meets it: not the thread, nor the other runs."""
    from tracking.store.records import RunChange

    measure = RunChange.measure

    def broken(self: RunChange, metrics: Mapping[str, float], *when: int) -> list[str]:
        if 0.666 in metrics.values():
            raise TypeError("'NoneType' object is not subscriptable")
        return measure(self, metrics, *when)

    monkeypatch.setattr(RunChange, "measure", broken)
    messages: list[str] = []
    writer = open_writer(sqlite_uri, tmp_path / "spool", messages)
    write_trial(writer, 0)
    writer.epoch("t0000", 4, {"val_accuracy": 0.666})
    writer.text("caf\udce9.txt", "caf\udce9", "t0000")
    write_trial(writer, 1)
    assert writer.close(60)
    runs = runs_of(sqlite_uri)
    assert {key: run.info.status for key, [run] in runs.items() if key} == {
        "t0000": "FINISHED",
        "t0001": "FINISHED",
    }
    assert [len(curve(sqlite_uri, runs[key][0].info.run_id)) for key in ("t0000", "t0001")] == [3, 3]
    refused = [json.loads(line) for line in (tmp_path / "spool" / "refused.jsonl").read_text().splitlines()]
    assert [line["event"]["kind"] for line in refused] == ["epoch", "text"]
    assert "TypeError: 'NoneType' object is not subscriptable" in refused[0]["reason"] and len(messages) == 2


def everything(uri: str) -> dict[str, Any]:
    """What a sweep's runs hold, without their IDs."""
    return {
        key: (run.data.params, run.info.status, {m: curve(uri, run.info.run_id, m) for m in run.data.metrics})
        for key, [run] in runs_of(uri).items()
    }


@pytest.mark.parametrize("harm", ["removed", "replaced", "overwritten"])
@pytest.mark.parametrize("when", ["while it runs", "before a resume"])
def test_a_store_that_lost_runs_gets_all_of_them_again(
    sqlite_uri: str, tmp_path: Path, harm: str, when: str
) -> None:
    store, spool, messages = Path(sqlite_uri.removeprefix("sqlite:///")), tmp_path / "spool", list[str]()
    writer = open_writer(sqlite_uri, spool, messages)
    write_trial(writer, 0)
    wait_until(lambda: _is_drained(spool), "everything is sent")
    older = tmp_path / "older.db"
    with closing(sqlite3.connect(store)) as connection:
        connection.execute("VACUUM INTO ?", [str(older)])
    write_trial(writer, 1)
    write_trial(writer, 2, state="failed")
    wait_until(lambda: _is_drained(spool), "everything is sent")
    expected = everything(sqlite_uri)
    if when == "before a resume":
        assert writer.close(60)
    if harm == "overwritten":
        with closing(sqlite3.connect(older)) as source, closing(sqlite3.connect(store)) as target:
            source.backup(target)
    else:
        for name in (store.name, f"{store.name}-wal", f"{store.name}-shm"):
            store.with_name(name).unlink(missing_ok=True)
        if harm == "replaced":
            older.rename(store)
    if when == "before a resume":
        writer = open_writer(sqlite_uri, spool, messages)
    assert writer.close(60)
    assert everything(sqlite_uri) == expected
    *_, last = messages
    assert "sent again" in last or "written again" in last, messages
    assert not (spool / "refused.jsonl").exists()


def test_a_store_that_is_damaged_while_it_runs_is_told_and_not_waited_for(sqlite_uri: str, tmp_path: Path) -> None:
    store, spool, messages = Path(sqlite_uri.removeprefix("sqlite:///")), tmp_path / "spool", list[str]()
    writer = open_writer(sqlite_uri, spool, messages)
    write_trial(writer, 0)
    wait_until(lambda: _is_drained(spool), "everything is sent")
    with store.open("r+b") as file:  # its log goes on to take what is sent
        file.write(b"no data " * (store.stat().st_size // 8))
    write_trial(writer, 1)
    assert not writer.close(3600), "it does not wait for a store that only a user can mend"
    # which of SQLite's two words it is depends on the pages that it still has in memory
    assert re.search(r"is damaged \((file is not a database|.* malformed)\): move it away", messages[0]), messages
    assert str(spool) in messages[-1]
    for name in (store.name, f"{store.name}-wal", f"{store.name}-shm"):
        store.with_name(name).unlink(missing_ok=True)
    assert open_writer(sqlite_uri, spool, messages).close(60)
    assert {key: len(curves["val_loss"]) for key, (_, _, curves) in everything(sqlite_uri).items() if key} == {
        "t0000": 3,
        "t0001": 3,
    }


def test_a_damaged_store_that_is_moved_away_while_it_runs_is_written_anew(sqlite_uri: str, tmp_path: Path) -> None:
    store, spool, messages = tmp_path / "mlflow.db", Spool(tmp_path / "spool"), list[str]()
    sender = Sender(sqlite_uri, spool, HEADER, messages.append)
    spool.append(TrialBegan(key="t0000", number=0, role="trial", params=params(0)))
    sender.step()
    sender.lost(Away("it is busy"), 1)
    with store.open("r+b") as file:
        file.write(b"no data " * (store.stat().st_size // 8))
    with pytest.raises(Stuck, match="move it away") as raised:
        sender.step()
    sender.lost(raised.value, 2)
    for path in tmp_path.glob("mlflow.db*"):
        path.rename(path.with_suffix(".damaged"))
    spool.append(TrialBegan(key="t0001", number=1, role="trial", params=params(1)))
    sender.step()
    assert (
        sender.whole() and set(runs_of(sqlite_uri)) == {"", "t0000", "t0001"} and messages[-1].endswith("is back")
    )
    sender.close()
    spool.close()


OLD_SPOOL = """\
{"kind":"text","key":"","path":"spec.yaml","text":"workload: mlp\\n","time":1700000000000}
{"kind":"trial","key":"t0000","number":0,"role":"trial","params":{"lr":0.1,"nesterov":true,"n":null},"time":1700000000001}
{"kind":"epoch","key":"t0000","epoch":1,"metrics":{"val_accuracy":0.5,"val_loss":NaN},"time":1700000000002}
{"kind":"state","key":"t0000","state":"done","summary":{"best_val_accuracy":0.5},"error":null,"time":1700000000003}
{"kind":"summary","key":"","state":"finished","best":{"number":0,"value":0.5,"params":{"lr":0.1}},"metrics":{"sweep/trials":1.0},"tags":{},"time":1700000000004}
{"kind":"content","key":"t0000","path":"b.bin","content":"AAEC","time":1700000000005}
{"kind":"trial","key":"t0001","number":1,"role":"trial","params":{"lr":0.2},"time":1700000000005}
{"kind":"state","key":"t0001","state":"failed","summary":{},"error":"lane\\u0020died:\\u0020killed","time":1700000000005}
{"kind":"reconcile","key":"","expected":{"t0000":{"number":0,"role":"trial","params":{"lr":0.1},"state":"done","history":{"1":0.5,"2":0.75},"summary":{},"error":null},"t0001":{"number":1,"role":"trial","params":{"lr":0.2},"state":"failed","history":{},"summary":{},"error":"lane\\u0020died:\\u0020killed"}},"time":1700000000006}
"""


def test_a_spool_of_an_older_version_is_sent_as_it_is(any_uri: str, tmp_path: Path) -> None:
    spool, messages, header = tmp_path / "spool", list[str](), replace(HEADER, sweep_id="old")
    spool.mkdir()
    (spool / "events.jsonl").write_text(OLD_SPOOL)
    writer = open_writer(any_uri, spool, messages, header)
    assert writer.knows("t0000")
    assert writer.close(60)
    assert "1 missing values added" in messages.pop() and len(messages) == 1 and "val_loss" in messages[0]
    runs = {key: run for key, [run] in runs_of(any_uri, "old").items()}
    assert {key: run.info.status for key, run in runs.items()} == {
        "": "FINISHED",
        "t0000": "FINISHED",
        "t0001": "FAILED",
    }
    tags = runs["t0001"].data.tags
    assert (tags["trial.failure"], tags["trial.error"]) == ("lane_died", "worker process died: killed")
    assert curve(any_uri, runs["t0000"].info.run_id) == [(1, 0.5), (2, 0.75)]
    assert runs["t0000"].data.params == {"lr": "0.1", "nesterov": "True", "n": "None"}
    assert not (spool / "refused.jsonl").exists()


def test_a_leaderboard_that_was_sorted_by_place_stays_so_through_an_outage(sqlite_uri: str, tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    sender = Sender(sqlite_uri, spool, HEADER, print)
    spool.append(TrialBegan(key="t0000", number=0, role="trial", params=params(0)))

    def sorted_by() -> str:
        sender.step()
        with closing(sqlite3.connect(tmp_path / "mlflow.db")) as db:
            query = f"SELECT value FROM experiment_tags WHERE key = 'mlflow.sharedViewState.{HEADER.sweep_id}'"
            [[view]] = db.execute(query).fetchall()
        return str(json.loads(json.loads(view)["state"])["orderByKey"])

    assert sorted_by() == "metrics.`best_val_accuracy`"
    spool.append(TrialsRanked(order=["t0000"], finals={}))
    assert sorted_by() == "metrics.`place`"
    sender.lost(Away("away"), 1)
    assert sorted_by() == "metrics.`place`"
    sender.close()
    spool.close()


def test_what_this_version_cannot_read_is_set_aside_and_told(sqlite_uri: str, tmp_path: Path) -> None:
    spool, messages = tmp_path / "spool", list[str]()
    strange = [
        {"kind": "tomorrow", "key": "t0000", "time": 1},
        {"kind": "epoch", "key": "t0000", "epoch": "x", "metrics": {}, "time": 1},
        {"kind": "state", "key": "t0000", "state": "asleep", "summary": {}, "error": None, "time": 1},
        {"key": "t0000"},
    ]
    spool.mkdir()
    (spool / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in strange))
    writer = open_writer(sqlite_uri, spool, messages)
    write_trial(writer, 0)
    assert writer.close(60)
    assert [step for step, _ in curve(sqlite_uri, writer.run_ids["t0000"])] == [1, 2, 3]
    refused = [json.loads(line) for line in (spool / "refused.jsonl").read_text().splitlines()]
    assert [line["event"] for line in refused] == strange
    reasons = ["tomorrow", "epoch.epoch", "state.state", "kind"]
    for reason, line, message in zip(reasons, refused, messages, strict=True):
        assert reason in line["reason"] and line["reason"] in message and "refused.jsonl" in message


def test_values_that_mlflow_cannot_hold_are_told_by_tags(sqlite_uri: str, tmp_path: Path) -> None:
    messages: list[str] = []
    writer = open_writer(sqlite_uri, tmp_path / "spool", messages)
    writer.trial("t0000", 0, "trial", {"lr": 0.1, "layers": "64," * 3000, "bad!name": 1})
    writer.epoch("t0000", 1, {"val_accuracy": 0.1, "val_loss": math.inf})
    writer.epoch("t0000", 2, {"val_accuracy": math.nan, "val_loss": math.nan})
    writer.state("t0000", "failed", {"best_val_accuracy": 0.1}, FailureReason("diverged", "val_loss is nan"))
    assert writer.close(60)
    [run] = runs_of(sqlite_uri)["t0000"]
    assert curve(sqlite_uri, run.info.run_id) == [(1, 0.1)]
    assert curve(sqlite_uri, run.info.run_id, "val_loss") == []
    assert run.data.tags["nonfinite.val_loss"] == "inf at epoch 1"
    assert run.data.tags["nonfinite.val_accuracy"] == "nan at epoch 2"
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
    runs = runs_of(sqlite_uri)
    curves = [curve(sqlite_uri, runs[f"t{number:04d}"][0].info.run_id) for number in range(8)]
    assert [[epoch for epoch, _ in points] for points in curves] == [list(range(1, 21))] * 8
