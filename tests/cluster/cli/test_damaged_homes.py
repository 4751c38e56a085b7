"""Files of a sweep that were damaged, edited or removed: told, and what the study itself has kept is believed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cluster.cli.main import main
from cluster.sweep.home import SweepHome
from cluster.sweep.restore import note_spec
from search_spaces.study.journal import copy_of
from search_spaces.study.study import Study
from tests.helpers.finished_sweep_without_ray import raced


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def noted(home: SweepHome) -> SweepHome:
    """The home, with the spec in its study, as a driver leaves it."""
    study = Study(home.id, "maximize", home.journal)
    note_spec(home, study, home.sweep())
    study.flush()
    return home


def bad_journal(home: SweepHome) -> None:
    for path in (home.journal, copy_of(home.journal)):
        path.write_bytes(b"x" + path.read_bytes()[1:])


def no_journal(home: SweepHome) -> None:
    home.data.write_text("{}")
    for path in (home.journal, copy_of(home.journal)):
        path.unlink()


def bad_spec(home: SweepHome) -> None:
    home.document.write_bytes(b"\xff" + home.document.read_bytes()[9:])


def edited_spec(home: SweepHome) -> None:
    document = json.loads(home.document.read_text())
    document["sweep"]["epochs"] = 4
    home.document.write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("harm", "state", "said"),
    [
        (bad_journal, "damaged", "journal.log: line 1 (byte 0) cannot be read, nor is it in journal.log.copy"),
        (no_journal, "stopped", "journal.log is gone, as is its copy: `paceline repair "),
        (bad_spec, "finished", "sweep.json cannot be read: the study's own copy of the spec counts"),
        (edited_spec, "finished", "sweep.json was changed since the sweep began (epochs): the study's own copy"),
    ],
)
def test_one_damaged_sweep_is_told_and_the_others_are_listed(
    capsys: pytest.CaptureFixture[str], harm: Callable[[SweepHome], None], state: str, said: str
) -> None:
    healthy, home = raced(), noted(raced())
    assert main(["show", home.id, "--json"]) == 0
    before = capsys.readouterr().out
    harm(home)
    assert main(["ls", "--json"]) == 0
    out, err = capsys.readouterr()
    rows = {row["sweep"]: row for row in json.loads(out)}
    assert (rows[healthy.id]["state"], rows[home.id]["state"]) == ("finished", state)
    assert said in err and "Traceback" not in err
    assert main(["ls"]) == 0
    code = main(["show", home.id, "--json"])
    out, err = capsys.readouterr()
    assert said in err and code == (1 if state == "damaged" else 0)
    if state == "finished":
        assert out.endswith(before) and json.loads(before)["cost"]["epochs_saved"] > 0
    assert not (state == "stopped" and home.journal.exists()), "who reads makes no journal"
