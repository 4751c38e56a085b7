"""What the writer reads back of a large sweep: not its hyperparameters, which are nearly all of it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.helpers.small_sweep_in_mlflow import SWEEP, open_writer, write_trial
from tracking import names
from tracking.store import sqlite
from tracking.store.errors import Refused
from tracking.store.records import PARENT, Place
from tracking.store.sqlite import SqliteStore, read_runs
from tracking.writer.events import TextKept
from tracking.writer.spool import Spool
from tracking.writer.writer import PART

PLACE = Place(experiment_id="1", artifact_location="", user="")


def test_the_runs_that_the_writer_looks_for_come_without_hyperparameters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mlflow.db"
    writer = open_writer(f"sqlite:///{path}", tmp_path / "spool")
    for number in range(4):
        write_trial(writer, number)
    queries: list[str] = []
    real = sqlite.connect

    def traced(path: Path, busy_s: float | None = None) -> sqlite3.Connection:
        connection = real(path, busy_s)
        connection.set_trace_callback(queries.append)
        return connection

    monkeypatch.setattr(sqlite, "connect", traced)
    assert writer.close(30)
    reads = [query for query in queries if "FROM latest_metrics" in query]
    assert reads and all("xparam." in query for query in reads), "neither at the start nor the end"
    assert all(query.count(",") == 2 for query in queries if "FROM params" in query), "of one run alone"
    whole, brief = read_runs(path, SWEEP), SqliteStore(path).found(PLACE, SWEEP)
    assert [run.run_id for run in brief] == [run.run_id for run in whole]
    for run, full in zip(brief, whole, strict=True):
        assert run.tags == full.tags and run.status == full.status
        assert run.params == (full.params if run.key == PARENT else {})
        assert run.metrics == {key: value for key, value in full.metrics.items() if not key.startswith("xparam.")}
        assert run.key == PARENT or (full.params and run.metrics.keys() < full.metrics.keys())


def test_a_long_text_is_at_no_time_in_memory_as_a_whole(tmp_path: Path) -> None:
    path, spool = tmp_path / "mlflow.db", tmp_path / "spool"
    lines = [f"{number},caf\u00e9,{'x' * 1000}\n" for number in range(2000)]
    writer = open_writer(f"sqlite:///{path}", spool)
    writer.long_text("sweep/a.csv", lines)
    writer.long_text("sweep/a.csv", lines[:900])  # of a later driver
    assert writer.close(30)
    [stored] = tmp_path.glob("mlruns/**/sweep/a.csv")
    assert stored.read_text() == "".join(lines[:900])
    events = (spool / "events.jsonl").read_text().splitlines()
    assert max(map(len, events)) < 2 * PART and not (spool / "parts").exists()


def test_parts_that_are_sent_again_make_the_same_text_and_none_without_its_beginning(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    first = TextKept(path="a.csv", text="caf\u00e9,1\n", more=True)
    last = TextKept(path="a.csv", text="b,2\n", start=len(first.text.encode()))
    for part in (
        first,
        last,
        last,
        first,
        last,
    ):  # a driver was killed before it noted the last one, and at the first
        whole = spool.join(part)
    assert whole.read_text() == first.text + last.text
    whole.write_text("caf")
    with pytest.raises(Refused, match="ends before byte 8: what is before this part was lost"):
        spool.join(last)
    spool.close()


def test_a_sweep_passes_once_over_the_runs_of_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mlflow.db"
    writer = open_writer(f"sqlite:///{path}", tmp_path / "spool")
    write_trial(writer, 0)
    assert writer.close(30)
    steps: list[int] = []
    real = sqlite.connect

    def counted(path: Path, busy_s: float | None = None) -> sqlite3.Connection:
        connection = real(path, busy_s)
        connection.set_progress_handler(lambda: steps.append(1), 10)
        return connection

    def cost() -> int:
        steps.clear()
        assert len(read_runs(path, SWEEP)) == 2 and len(SqliteStore(path).found(PLACE, SWEEP)) == 2
        return 10 * len(steps)

    monkeypatch.setattr(sqlite, "connect", counted)
    alone, num_others = cost(), 1000
    with closing(real(path)) as db:
        for tag, value in ((names.SWEEP_ID, "another"), (names.SWEEP_ROLE, "sweep")):
            db.executemany("INSERT INTO tags VALUES (?, ?, ?)", [(tag, value, f"r{k}") for k in range(num_others)])
    assert cost() - alone < 2 * 10 * num_others, "two readings, each with a few steps for a run of another sweep"
