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
from typing import Any

import pytest

from cluster.doctor import machine, stores, surroundings
from cluster.doctor.fast_ways import LEAN_RAY, fallen_back, fast_ways
from cluster.doctor.machine import Check
from cluster.doctor.report import QUICK, examine, healthy, tell
from cluster.lanes import tune
from cluster.ray_internals import forkserver, lean_node
from search_spaces.types.plain import VARIABLE
from tests.helpers.paths import ROOT
from workloads.tasks import by_hand
from workloads.training import optimizers


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
    looks = [look for look in QUICK if look is not machine.machine]
    found = list(examine(looks))
    assert healthy(found), [check for check in found if check.state == "wrong"]
    assert {"python", "ray", "package tracking", "tracking", "torch loads", "ray loads"} <= {c.name for c in found}


def test_nothing_is_written(empty_folder: Path) -> None:
    list(examine([machine.versions, machine.packages, machine.machine, machine.threads, stores.tracking]))
    assert not list(empty_folder.iterdir())


def test_a_token_that_others_can_read_is_told(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(empty_folder))
    monkeypatch.delenv("RAY_AUTH_TOKEN_PATH", raising=False)
    assert not list(surroundings.token_files())
    token = empty_folder / ".ray" / "auth_token"
    token.parent.mkdir()
    token.touch(0o600)
    assert not list(surroundings.token_files())
    token.chmod(0o644)
    [told] = surroundings.token_files()
    assert "mode 0644" in told.found and told.remedy == "chmod 600 ~/.ray/auth_token"


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
    (empty_folder / "calendar.py").touch()
    found = {check.name: check for check in machine.packages()}
    assert found["modules here"].state == "warning" and "calendar.py" in found["modules here"].found
    check = found["folder tracking"]
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
    assert only(stores.tracking(), "tracking").state == "wrong"


def test_a_database_without_runs_table_is_wrong_and_one_with_it_is_counted(empty_folder: Path) -> None:
    connection = sqlite3.connect(empty_folder / "mlflow.db")
    connection.execute("CREATE TABLE other (x)")
    assert only(stores.tracking(), "tracking").state == "wrong"
    connection.execute("CREATE TABLE runs (x)")
    connection.commit()
    connection.close()
    assert only(stores.tracking(), "tracking").found == "mlflow.db, 0 runs"


class Experiments(BaseHTTPRequestHandler):
    """Answers as MLflow's server does."""

    def do_GET(self) -> None:
        known = self.path.startswith("/api/2.0/mlflow/experiments/")
        self.send_response(200 if known else 404)
        self.end_headers()
        self.wfile.write(b"{}")

    do_POST = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


def test_a_server_is_read_and_written(monkeypatch: pytest.MonkeyPatch) -> None:
    server = HTTPServer(("127.0.0.1", 0), Experiments)
    Thread(target=server.serve_forever, daemon=True).start()
    uri = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert only(stores.tracking(), "tracking").state == "ok"
    server.shutdown()
    server.server_close()
    gone = only(stores.tracking(), "tracking")
    assert gone.state == "wrong"
    assert "MLFLOW_TRACKING_URI" in gone.remedy


WAYS = ("Ray's start", "forked workers", "spare workers", "kept workers", "MLflow's file", "gradients", "Adam")


def test_every_fast_way_has_a_line() -> None:
    assert {check.name: (check.state, check.found) for check in fast_ways()} == {
        f"fast: {name}": ("ok", "on") for name in WAYS
    }


def test_all_are_off_where_plain_ways_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "1")
    found = list(fast_ways())
    assert [check.name for check in found] == [f"fast: {name}" for name in WAYS]
    assert all(check.found.startswith("off: PACELINE_PLAIN is set; ") for check in found)
    assert {check.remedy for check in found} == {"unset PACELINE_PLAIN"}
    assert not list(fallen_back([LEAN_RAY])), "who asked for it is told once, by the run"


@pytest.mark.parametrize(
    ("place", "name", "to", "way", "why"),
    [
        (lean_node, "NEEDED", {"ray._private.node": ["Node.start_x"]}, "Ray's start", "node: Node.start_x"),
        (lean_node, "NEEDED", {"ray._private.moved": ["x"]}, "Ray's start", "moved: x"),
        (forkserver.sys, "platform", "darwin", "forked workers", "not on darwin"),
        (tune, "_ObjectCache", object, "kept workers", "another cache"),
        (by_hand, "_missing", lambda: ("aten.mish_backward",), "gradients", "aten.mish_backward"),
        (optimizers, "KERNELS", {}, "Adam", "_fused_adam_"),
    ],
)  # fmt: skip
def test_one_whose_guard_fails_is_off_and_tells_why(
    place: Any, name: str, to: Any, way: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, name, to)
    check = only(fast_ways(), f"fast: {way}")
    assert check.state == "warning" and check.found.startswith("off: ") and why in check.found
    assert check.remedy and "PACELINE_PLAIN" not in check.remedy


def test_a_store_of_another_mlflow_is_told(empty_folder: Path) -> None:
    with sqlite3.connect(empty_folder / "mlflow.db") as connection:
        connection.execute("CREATE TABLE alembic_version (version_num)")
        connection.execute("INSERT INTO alembic_version VALUES ('0123abcd')")
    connection.close()
    check = only(fast_ways(), "fast: MLflow's file")
    assert "schema 0123abcd" in check.found and "20 times slower" in check.found


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

    monkeypatch.setattr("cluster.doctor.report.QUICK", (stores.tracking, machine.threads))
    (empty_folder / "mlflow.db").write_bytes(b"junk" * 1000)
    assert main(["doctor", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["ok"] is False
    assert [check["state"] for check in document["checks"]] == ["wrong", "ok"]
