"""The doctor finds what is wrong, says the remedy, and ends with 1."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from cluster.doctor import machine
from cluster.doctor.machine import Check
from cluster.doctor.report import examine, healthy, tell
from tests.helpers.paths import ROOT


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    return tmp_path


def only(found: Iterator[Check], name: str) -> Check:
    (check,) = [check for check in found if check.name == name]
    return check


def test_this_installation_is_healthy() -> None:
    looks = [look for look in machine.QUICK if look is not machine.machine]
    found = list(examine(looks))
    assert healthy(found), [check for check in found if check.state == "wrong"]
    assert {"python", "ray", "package tracking", "tracking", "torch loads", "ray loads"} <= {c.name for c in found}


def test_nothing_is_written(empty_folder: Path) -> None:
    list(examine([machine.versions, machine.packages, machine.machine, machine.threads, machine.store]))
    assert not list(empty_folder.iterdir())


def test_a_package_of_the_wrong_version_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        machine, "_declared", lambda: (">=3.99", ["click>=99", "no-such-thing>=1", 'x; extra == "dev"'])
    )
    found = {check.name: check for check in machine.versions()}
    assert [found[name].state for name in ("python", "click", "no-such-thing")] == ["wrong"] * 3
    assert found["click"].remedy == 'pip install "click>=99"'
    assert found["no-such-thing"].found == "not installed"
    assert "x" not in found


def test_a_folder_of_the_user_that_shadows_a_package_is_wrong(empty_folder: Path) -> None:
    (empty_folder / "tracking").mkdir()
    check = only(machine.packages(), "folder tracking")
    assert check.state == "wrong"
    assert "rename" in check.remedy


def test_a_foreign_package_of_our_name_is_wrong(empty_folder: Path) -> None:
    (empty_folder / "tracking").mkdir()
    (empty_folder / "tracking" / "__init__.py").touch()
    code = (
        "from cluster.doctor.machine import packages\n"
        "print([c.state for c in packages() if c.name == 'package tracking'])"
    )
    environment = {**os.environ, "PYTHONPATH": f"{empty_folder}{os.pathsep}{ROOT}"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['wrong']"


@pytest.mark.parametrize(("value", "state"), [("1", "ok"), ("8", "warning")])
def test_too_many_threads_are_warned_about(monkeypatch: pytest.MonkeyPatch, value: str, state: str) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert only(machine.threads(), "OMP_NUM_THREADS").state == state


def test_a_store_that_is_no_database_is_wrong(empty_folder: Path) -> None:
    (empty_folder / "mlflow.db").write_bytes(b"junk" * 1000)
    assert only(machine.store(), "tracking").state == "wrong"


def test_a_database_without_runs_table_is_wrong_and_one_with_it_is_counted(empty_folder: Path) -> None:
    connection = sqlite3.connect(empty_folder / "mlflow.db")
    connection.execute("CREATE TABLE other (x)")
    assert only(machine.store(), "tracking").state == "wrong"
    connection.execute("CREATE TABLE runs (x)")
    connection.commit()
    connection.close()
    assert only(machine.store(), "tracking").found == "mlflow.db, 0 runs"


class Health(BaseHTTPRequestHandler):
    """Answers as MLflow's server does."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


def test_a_server_is_asked_for_its_health(monkeypatch: pytest.MonkeyPatch) -> None:
    server = HTTPServer(("127.0.0.1", 0), Health)
    Thread(target=server.serve_forever, daemon=True).start()
    uri = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert only(machine.store(), "tracking").state == "ok"
    server.shutdown()
    server.server_close()
    gone = only(machine.store(), "tracking")
    assert gone.state == "wrong"
    assert "MLFLOW_TRACKING_URI" in gone.remedy


def test_a_check_that_breaks_is_told_and_the_others_go_on() -> None:
    def broken() -> Iterator[Check]:
        yield Check(name="first", state="ok", found="fine")
        raise OSError("torn")

    found = list(examine([broken, machine.threads]))
    assert [(check.name, check.state) for check in found[:2]] == [("first", "ok"), ("broken", "wrong")]
    assert found[2].name == "OMP_NUM_THREADS"


def test_each_remedy_is_printed_below_its_check() -> None:
    stream = io.StringIO()
    bad = Check(name="disk", state="wrong", found="0.1 GiB", remedy="free some")
    assert tell([bad, Check(name="cores", state="ok", found="2")], stream) == [
        bad,
        Check(name="cores", state="ok", found="2"),
    ]
    lines = stream.getvalue().splitlines()
    assert lines[0].startswith("✗ disk")
    assert lines[1].endswith("→ free some")
    assert lines[-1] == "1 wrong, 0 to think about"


def test_the_command_ends_with_1_and_one_document(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from cluster.cli.main import main

    monkeypatch.setattr("cluster.doctor.report.QUICK", (machine.store, machine.threads))
    (empty_folder / "mlflow.db").write_bytes(b"junk" * 1000)
    assert main(["doctor", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["ok"] is False
    assert [check["state"] for check in document["checks"]] == ["wrong", "ok"]
