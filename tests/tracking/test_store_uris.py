"""Store URIs that can never work are refused before anything starts, with the right spelling."""

from __future__ import annotations

import shutil
import sqlite3
import struct
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.store.entities import PagedList

from cluster.cli.commands.shared import load
from cluster.cli.main import main
from cluster.doctor.stores import check_tracking
from cluster.sweep.home import SweepHome
from tracking.names import artifact_folder
from tracking.results.table import sweeps
from tracking.store import schema, sqlite
from tracking.store.damaged_file import damage
from tracking.store.errors import Away, Refused
from tracking.store.mlflow_client import MlflowStore
from tracking.store.uris import unusable

SPEC = "workload: softmax\ndata: {name: wine}\nparameters: {lr: {min: 0.001, max: 0.1}}\ntrials: 2\n"


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("sqlite://mlflow.db", "three slashes before the file: write 'sqlite:///mlflow.db'"),
        ("sqlite:mlflow.db", "write 'sqlite:///mlflow.db'"),
        ("./mlruns", "write 'sqlite:///mlflow.db'"),
        ("mlruns", "write 'sqlite:///mlflow.db'"),
        ("file:///data/runs", "write 'sqlite:////data/mlflow.db'"),
        ("http://my server:5000", "without blanks"),
        ("http:server", "without blanks"),
        ("htp://server:5000", "must be one of sqlite:///FILE"),
        ("sqlite:////tmp/c%20d/mlflow.db", "holds '%'"),
        ("sqlite:////tmp/c%20d?/mlflow.db", "holds '%' and '?'"),
    ],
)
def test_what_can_never_work_is_refused_by_check_and_doctor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], uri: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("sweep.yaml").write_text(SPEC)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    for command in ("check", "run"):
        assert main([command, "sweep.yaml"]) == 2
        err = capsys.readouterr().err
        assert "MLFLOW_TRACKING_URI: " in err and said in err and "received" in err
    assert [path.name for path in tmp_path.iterdir()] == ["sweep.yaml"], "nothing was started"
    found = check_tracking(None)
    assert found.state == "wrong" and said in str(found.remedy)


def test_what_needs_no_store_here_is_not_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A data card has no runs, and a sweep that is submitted has its store on the cluster."""
    Path(tmp_path / "sweep.yaml").write_text(SPEC)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "./mlruns")
    assert load(str(tmp_path / "sweep.yaml"), ()).workload == "softmax"


def test_artifacts_of_an_experiment_stay_below_their_folder() -> None:
    for name in ("..", ".", "../..", "a/../../b", "..\\\\x"):
        folder = artifact_folder(Path("/data/mlflow.db"), name)
        assert folder.parent == Path("/data/mlruns") and folder.name not in (".", ".."), folder


@pytest.mark.parametrize(
    "uri",
    [
        "sqlite:///mlflow.db",
        "sqlite:////tmp/a b#c/mlflow.db",
        "http://127.0.0.1:5000",
        "databricks",
        "databricks://profile",
        "https://user:pw@mlflow.example.org/path",
        "postgresql+psycopg://u:p@host/db",
        "mysql+pymysql://u:p@host/db",
    ],
)
def test_what_may_work_is_left_to_try(uri: str) -> None:
    assert unusable(uri) is None


def test_the_log_of_a_writer_is_read_where_nothing_can_be_written_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("PRAGMA journal_mode=WAL")
        writer.execute("CREATE TABLE runs (value)")
        writer.commit()
        assert "immutable" not in sqlite.address(path, False)
        with closing(sqlite3.connect(sqlite.address(path, False), uri=True)) as reader:
            assert reader.execute("SELECT count(*) FROM runs").fetchone() == (0,)
    assert sqlite.address(path, False).endswith("?immutable=1") and "immutable" not in sqlite.address(path, True)


def test_nobody_is_told_to_move_a_store_away_that_is_only_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_S", 0.05)
    path = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("CREATE TABLE runs (value)")
        writer.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Away, match="locked") as told:
            sweeps(f"sqlite:///{path}")
    assert "move it away" not in str(told.value)


def test_a_damaged_store_is_refused_instead_of_waited_for(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("sweep.yaml").write_text(SPEC)
    path, whole = tmp_path / "mlflow.db", template.read_bytes()
    SweepHome.create(load("sweep.yaml", ()))
    rotten = whole[:40960] + bytes(4096) + whole[45056:]
    for content, commands, said in (
        (b"no database " * 99, ("check", "run", "resume"), "file is not a database"),
        (rotten, ("check",), "Page 11"),
        (whole[: len(whole) // 2], (), "malformed"),
    ):
        path.write_bytes(content)
        for command in commands:
            assert main([command, "last" if command == "resume" else "sweep.yaml"]) == 2
            err = capsys.readouterr().err
            assert f"needs {path}, which is damaged" in err and said in err and "move it away" in err
        found = check_tracking(None)
        assert found.state == "wrong" and said in str(found.remedy)
        assert path.read_bytes() == content
    path.unlink()
    path.mkdir()
    assert "it is no file" in str(check_tracking(None).remedy)


def test_a_store_of_another_mlflow_is_refused_and_left_as_it_is(
    sqlite_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("sweep.yaml").write_text(SPEC)
    path = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE alembic_version SET version_num = 'deadbeef0000'")
    before = path.read_bytes()
    assert main(["check", "sweep.yaml"]) == 2
    said = f"out-of-date database schema (found version deadbeef0000, but expected {next(iter(sqlite.REVISIONS))})"
    assert said in capsys.readouterr().err and "mlflow db upgrade sqlite:///" in str(check_tracking(None).remedy)
    assert path.read_bytes() == before


def test_what_only_hinders_for_a_moment_or_nobody_is_no_damage(template: Path, tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    assert damage(path) is None
    shutil.copy(template, path)
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("CREATE TABLE own (value INTEGER NOT NULL)")
        writer.execute("PRAGMA writable_schema = 1")
        writer.execute("UPDATE sqlite_master SET sql = replace(sql, 'INTEGER NOT', 'INTEGER') WHERE name = 'own'")
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("INSERT INTO own VALUES (NULL)")
        writer.execute("PRAGMA writable_schema = 1")
        writer.execute("UPDATE sqlite_master SET sql = replace(sql, 'INTEGER', 'INTEGER NOT') WHERE name = 'own'")
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        assert "NULL value" in str(writer.execute("PRAGMA quick_check(1)").fetchone())
        assert damage(path) is None
        writer.execute("PRAGMA journal_mode = DELETE")  # as of MLflow's own: readers are locked out, too
        writer.execute("BEGIN EXCLUSIVE")
        assert damage(path) is None
        found = check_tracking(f"sqlite:///{path}")
        assert (found.state, found.found) == ("warning", f"{path}: database is locked") and "wait" in found.remedy


def test_pages_that_nothing_uses_are_no_damage_but_a_write_that_fails_is(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(path)) as writer, writer:
        writer.execute("CREATE TABLE runs (value)")
        writer.execute("CREATE TABLE gone (value)")
        writer.executemany("INSERT INTO gone VALUES (?)", [("x" * 3000,)] * 9)
        writer.execute("DROP TABLE gone")
    content = path.read_bytes()
    first, count = struct.unpack(">II", content[32:40])
    for head, harm in (((0, 0), None), ((first, count - 2), None), ((first, count + 2), "should be")):
        path.write_bytes(content[:32] + struct.pack(">II", *head) + content[40:])
        assert (found := damage(path)) == harm or (harm and harm in str(found)), (head, found)
    with closing(sqlite3.connect(path)) as writer, pytest.raises(sqlite3.DatabaseError, match="malformed"), writer:
        writer.executemany("INSERT INTO runs VALUES (?)", [("x" * 3000,)] * 20)


def test_a_template_that_cannot_be_made_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TABLE alembic_version (version_num TEXT)")
        db.execute("INSERT INTO alembic_version VALUES ('deadbeef0000')")

    for error in (Away("MLflow made a broken store"), Refused("no"), sqlite3.OperationalError("disk I/O error")):

        def failing(error: Exception = error) -> Path:
            raise error

        monkeypatch.setattr(schema, "template", failing)
        assert "deadbeef0000" in str(schema.refusal(path))


def test_all_pages_of_experiments_are_searched_and_a_server_that_is_away_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(Away):
        sweeps("http://127.0.0.1:9")

    def pages(client: MlflowClient, max_results: int = 1000, page_token: str | None = None) -> PagedList[Any]:
        start = int(page_token or 0)
        found = [SimpleNamespace(experiment_id=str(n)) for n in range(start, min(start + max_results, 2500))]
        more = str(start + max_results) if start + max_results < 2500 else None
        return PagedList(found, more)

    monkeypatch.setattr(MlflowClient, "search_experiments", pages)
    assert MlflowStore("http://127.0.0.1:9").experiment_ids() == [str(n) for n in range(2500)]
