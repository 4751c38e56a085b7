"""Documents of commands on submitted sweeps: submit, wait, stop and logs, and every row of ls."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cluster.cli.commands import logs, stop_and_ui
from cluster.cli.commands.list import FIELDS
from cluster.cli.main import main
from cluster.sweep.home import SweepHome
from cluster.targets import submit as submitting
from cluster.targets.local import LocalTarget
from cluster.targets.submit import Job
from tests.docs.json_documents import DOCUMENTS, fields
from tests.helpers.finished_sweep_without_ray import raced


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SweepHome:
    monkeypatch.chdir(tmp_path)
    return raced("trials=4")


def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_submit_tells_the_sweep_and_with_wait_how_it_has_ended(
    home: SweepHome, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    job = Job(home.id, LocalTarget(), ("a note",))
    monkeypatch.setattr(submitting, "submit", lambda *words: job)
    capsys.readouterr()
    assert main(["submit", str(home.spec), "--json"]) == 0
    told = printed(capsys)
    assert sorted(fields(told)) == sorted(DOCUMENTS["submit"])
    assert (told["sweep"], told["state"], told["exit_code"]) == (home.id, "submitted", None)
    assert main(["submit", str(home.spec), "--json", "--wait"]) == 0
    told = printed(capsys)
    assert (told["state"], told["exit_code"], told["notes"]) == ("finished", 0, ["a note"])


def test_wait_and_stop_tell_the_state(home: SweepHome, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["wait", home.id, "--json"]) == 0
    assert printed(capsys)["state"] == "finished"
    assert stop_and_ui._stopped(home, "stopped", as_json=True) == 0
    assert sorted(fields(printed(capsys))) == sorted(DOCUMENTS["stop"])
    assert main(["stop", home.id, "t001", "--json"]) == 2, "of single trials there is no document"


@pytest.mark.parametrize(
    ("line", "number", "told"),
    [
        ("t003 | loss 0.5", None, ("t003", None, "loss 0.5")),
        ("t003 rank 1 | loss | 0.5", None, ("t003", 1, "loss | 0.5")),
        ("rank 2 | x", 7, ("t007", 2, "x")),
        ("| a table |", 7, ("t007", None, "| a table |")),
        ("t003 done 9/9 epochs", None, (None, None, "t003 done 9/9 epochs")),
    ],
)
def test_a_line_of_a_log_is_told_with_its_trial(line: str, number: int | None, told: tuple[Any, ...]) -> None:
    found = json.loads(logs._as_json(line, number))
    assert tuple(found.values()) == told and list(found) == list(DOCUMENTS["logs"])


def test_every_row_of_ls_has_every_field_and_80_columns_cut_nothing(
    home: SweepHome, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raced("name=a_sweep_with_a_name_that_is_much_too_long_for_any_terminal")
    away = {
        "sweep": "ab12cd34",
        "name": "there",
        "state": "running",
        "started": 0.0,
        "owner": "me",
        "target": "local",
    }
    monkeypatch.setattr("cluster.cli.commands.list._submitted", lambda on: iter([away]))
    capsys.readouterr()
    main(["ls", "--json"])
    rows = printed(capsys)
    assert len(rows) == 3 and all(list(row) == list(FIELDS) for row in rows)
    assert {f"[].{name}" for name in FIELDS} == set(DOCUMENTS["ls"])
    from rich.console import Console

    monkeypatch.setattr("cluster.cli.commands.list.console", lambda: Console(width=80, color_system=None))
    main(["ls"])
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 4 and max(map(len, lines)) <= 80
    assert lines[0].split()[:3] == ["id", "name", "state"] and home.id in {line[:4] for line in lines}


def test_the_status_of_a_sweep_that_was_not_submitted_names_what_to_type(
    home: SweepHome, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    main(["status", home.id])
    told = capsys.readouterr().out
    assert f"paceline show {home.id}" in told and "logs" not in told and "unknown" not in told
