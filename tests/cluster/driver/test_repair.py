"""`paceline repair`: a journal and its copy that lost the same lines are had back, and what is not is said."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cluster.cli.main import main
from cluster.sweep.files.rebuild import rebuild
from cluster.sweep.home import SweepHome
from cluster.sweep.reading import Reading
from cluster.sweep.restore import check_card, note_spec
from search_spaces.study.journal import copy_of
from search_spaces.study.study import Study
from search_spaces.types.driver_errors import Damaged
from tests.cluster.cli.test_every_file_kept import DATA
from tests.helpers.finished_sweep_without_ray import raced, tracked
from tracking.results.table import sweep_runs
from tracking.writer.spool import Spool

SPEC = """
name: wines
workload: softmax
data: {name: wine}
epochs: 3
trials: 6
parameters:
  lr: {min: 1e-4, max: 1e-1, log: true}
  batch_size: {values: [32, 64]}
"""


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


OWN = """
def train(run, *, code: str = "sgd", depth: int = 1, rate: float = 0.1, fast: bool = True, noise: float = 1.0,
          size: int = 3, shift: float = 0, share: float = 0.5, cell: float = 0.1, odd: str = "1", q: float = 2): ...
"""
OF_ALL_KINDS = """
name: own
workload: own_kinds:train
data: {name: wine}
epochs: 1
trials: 12
parameters:
  words:
    code: {values: ['1e-3', '007', 'true', 'null', 'None', 'True', '0x1f', "[1, 2]"]}
  depth: {min: 1, max: 9}
  rate: {min: 1e-4, max: 1e-1, log: true}
  fast: {values: [true, false]}
  noise: {values: [1, 2.5, 1e-7], when: {fast: true}}
  size: {distribution: q_log_uniform_values, min: 1, max: 999, q: 8}
  q: {distribution: q_uniform, min: 1, max: 9, q: 2}
  shift: {distribution: normal, mu: 0, sigma: 1}
  share: {distribution: beta, a: 2, b: 5}
  cell: {min: 0.1, max: 0.9, step: 0.1}
  odd: {values: ['1', '01', '1.0'], probabilities: [0.4, 0.4, 0.2]}
final: none
start_from: [{code: '007', depth: 2}, {code: 'true'}]
"""


def driven(most_legs: int = 1000, text: str = SPEC, **facts: Any) -> SweepHome:
    """A sweep without Ray, with what its driver told MLflow, all of which MLflow has taken."""
    home = raced(text=text, most_legs=most_legs, **facts)
    study = Study(home.id, "maximize", home.journal)
    note_spec(home, study, home.sweep())
    check_card(home, study, DATA)
    study.flush()
    tracker = tracked(home)
    for row in Reading.of(home).rows:
        for epoch, value in row.curve.items():
            metrics = {"val_accuracy": value, "val_loss": 1.0, "params_m": 1.0 + row.number}
            tracker.writer.epoch(f"t{row.number:04d}", epoch, metrics)
    assert tracker.writer.close(60)
    return home


def lose(home: SweepHome, lines: set[int]) -> None:
    """Flip a bit of these lines in the journal and its copy."""
    for path in (home.journal, copy_of(home.journal)):
        content = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(b"?" + line[1:] if i in lines else line for i, line in enumerate(content)))


def state(home: SweepHome) -> tuple[list[Any], dict[str, Any]]:
    study = Study(home.id, "maximize", home.journal, writing=False)
    rows = [
        (r.number, r.params, r.values, r.outcome, r.attributes.get("progress", {}).get("failure"))
        for r in study.records()
    ]
    facts = study.facts()
    return rows, {key: facts[key] for key in ("spec", "card", "phase", "searched") if key in facts}


def test_whatever_lines_both_have_lost_the_spool_has_them(capsys: pytest.CaptureFixture[str]) -> None:
    home = driven(complete=True, importance={"shares": {"lr": 1.0}, "trials": 8})
    rows, facts = state(home)
    whole = home.journal.read_bytes()
    num_lines, draw = whole.count(b"\n"), random.Random(3)
    for count in (1, 5, num_lines - 1):
        for path in (home.journal, copy_of(home.journal)):
            path.write_bytes(whole)
        lost = set(draw.sample(range(num_lines - 1), count))
        lose(home, lost)
        assert main(["show", home.id]) == 1
        line = min(lost) + 1
        err = capsys.readouterr().err
        assert f"journal.log: line {line} (byte " in err and f"`paceline repair {home.id}`" in err
        assert main(["repair", home.id]) == 0
        _out, err = capsys.readouterr()
        lines = "1 line was" if count == 1 else f"{count} lines were"
        assert f"as {lines} lost; what was there is" in err and "is lost" not in err, err
        found, known = state(home)
        assert found == rows
        assert known["spec"] == facts["spec"] and known["card"] == facts["card"]
        assert known["phase"] in ("finished", "stopped") and (home.path / "journal.log.copy.broken").exists()
        assert main(["show", home.id, "--json"]) == 0
        capsys.readouterr()
        study = Study(home.id, "maximize", home.journal, writing=False)
        assert "importance" not in study.facts(), "it is of the values before the damage"


def test_a_damaged_store_of_mlflow_is_not_repaired_but_made_anew(capsys: pytest.CaptureFixture[str]) -> None:
    home, store = driven(complete=True), Path("mlflow.db")
    before = {run.key: run.metrics["val_loss"] for run in sweep_runs(None, home.id) if run.key}
    store.write_bytes(b"no database " * 99)
    assert main(["repair", home.id]) == 1
    err = capsys.readouterr().err
    assert f"the sweep's files are whole; MLflow needs {store.absolute()}, which is damaged" in err
    store.unlink()
    assert main(["repair", home.id]) == 0
    assert {run.key: run.metrics["val_loss"] for run in sweep_runs(None, home.id) if run.key} == before


class Killed(BaseException):
    """The process's end, at one of its steps."""


def test_a_repair_that_is_killed_at_any_step_leaves_all_or_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    home = driven(most_legs=3)
    rows, _facts = state(home)
    lose(home, {5, 9, home.journal.read_bytes().count(b"\n") - 2})
    harmed = [path.read_bytes() for path in (home.journal, copy_of(home.journal))]
    for path in (home.journal, copy_of(home.journal)):
        path.with_name(path.name + ".broken").write_bytes(b"of an earlier repair")
    whole, steps, killed_at = shutil.copytree(home.path, "whole"), 0, 0

    def step(do: Callable[..., Any]) -> Callable[..., Any]:
        def done(*words: Any, **more: Any) -> Any:
            nonlocal steps
            steps += 1
            if steps == killed_at:
                raise Killed
            return do(*words, **more)

        return done

    outcomes = []
    for killed_at in range(1, 20):
        steps = 0
        shutil.rmtree(home.path)
        shutil.copytree(whole, home.path)
        with monkeypatch.context() as patched:
            for name in ("replace", "unlink", "fsync"):
                patched.setattr(os, name, step(getattr(os, name)))
            with contextlib.suppress(Killed):
                rebuild(home, home.sweep(), lambda text: None)
        try:
            assert state(home)[0] == rows, killed_at
            outcomes.append("new")
        except Damaged:
            outcomes.append("old")
            rebuild(home, home.sweep(), lambda text: None)
        assert Study(home.id, "maximize", home.journal).mended == "" and state(home)[0] == rows, killed_at
        assert copy_of(home.journal).read_bytes() == home.journal.read_bytes(), killed_at
        for path, was in zip((home.journal, copy_of(home.journal)), harmed, strict=True):
            kept = [path.with_name(f"{path.name}.broken{more}").read_bytes() for more in ("", ".2")]
            assert kept == [b"of an earlier repair", was], killed_at
            assert not path.with_name(f"{path.name}.broken.3").exists(), killed_at
        if steps < killed_at:
            break
    assert {"old", "new"} == set(outcomes) and 5 < killed_at < 19


def gone(home: SweepHome) -> None:
    for path in (home.journal, copy_of(home.journal)):
        path.unlink()


def zeroed(home: SweepHome) -> None:
    for path in (home.journal, copy_of(home.journal)):
        path.write_bytes(bytes(path.stat().st_size))


@pytest.mark.parametrize("harm", [gone, zeroed])
def test_a_journal_without_a_line_is_had_back_from_mlflow_alone(
    capsys: pytest.CaptureFixture[str], harm: Callable[[SweepHome], None]
) -> None:
    home = driven(most_legs=5)
    rows, _facts = state(home)
    harm(home)
    for file in home.spool.iterdir():
        file.unlink()
    assert main(["resume", home.id]) == 1, "it would bin MLflow's runs"
    assert "journal.log" in (err := capsys.readouterr().err) and f"`paceline repair {home.id}` has it back" in err
    assert main(["repair", home.id]) == 0
    found, _facts = state(home)
    begun = [row for row in rows if row[2]]
    assert [row for row in found if row[2]] == begun and begun
    assert main(["show", home.id, "--json"]) == 0
    assert {run.status for run in sweep_runs(None, home.id)} <= {"FINISHED", "FAILED", "SCHEDULED", "KILLED"}


@pytest.mark.parametrize("has_spool", [True, False], ids=["spool", "mlflow"])
def test_infeasible_trials_and_what_was_measured_are_had_back(has_spool: bool) -> None:
    metrics = "metrics: [{name: val_accuracy}, {name: params_m}]\n"
    home = driven(text=SPEC + metrics + "constraints: [{metric: params_m, max: 4.5}]\n")

    def told() -> list[Any]:
        records = Study(home.id, "maximize", home.journal, writing=False).records()
        failures = [record.attributes["progress"]["failure"] for record in records]
        found = zip(records, failures, Reading.of(home).rows, strict=True)
        return [(r.params, r.values, r.measured, r.outcome, why, row.state, row.on_front) for r, why, row in found]

    before = told()
    assert {"infeasible", "done"} <= {row[5] for row in before} and any(row[6] for row in before)
    gone(home)
    for file in home.spool.iterdir() if not has_spool else ():
        file.unlink()
    assert main(["repair", home.id]) == 0
    assert told() == before


def test_values_of_all_kinds_are_had_back_from_mlflow_as_the_spec_means_them(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "own_kinds.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    home = driven(text=OF_ALL_KINDS, score=lambda trial, epoch: 0.123456789 + trial / 64)
    rows, _facts = state(home)
    gone(home)
    for file in home.spool.iterdir():
        file.unlink()
    assert main(["repair", home.id]) == 0
    found, _facts = state(home)
    assert [repr(row[1]) for row in found] == [repr(row[1]) for row in rows]
    assert {type(value) for row in rows for value in row[1].values()} == {str, int, float, bool}
    assert len({row[1]["code"] for row in rows}) > 3
    assert found[1][2] == {1: 0.1390818} and rows[1][2] == {1: 0.139081789}
    err = capsys.readouterr().err
    assert "values that only MLflow has are rounded to 7 digits: of t000, t001, t002, t003, t004," in err, err


def test_what_is_nowhere_is_said_by_trial(capsys: pytest.CaptureFixture[str]) -> None:
    home = driven()
    rows, _facts = state(home)
    lines = home.journal.read_bytes().splitlines()
    create = [i for i, line in enumerate(lines) if b'"op_code":4,' in line][3]
    [value] = [i for i, line in enumerate(lines) if b'"op_code":7,"' in line and b'"trial_id":1,"step":1,' in line]
    lose(home, {create, value})
    for file in home.spool.iterdir():
        file.unlink()
    Path("mlflow.db").unlink()
    assert main(["repair", home.id]) == 0
    err = capsys.readouterr().err
    assert "t003: its configuration is lost, and another one takes its place" in err
    assert "t001: its values of epochs 1 are lost" in err or len(rows[1][2]) == 1
    found, _facts = state(home)
    assert [row for row in found if row[0] not in (1, 3)] == [row for row in rows if row[0] not in (1, 3)]
    assert found[3][1] != rows[3][1] and found[3][2:] == ({}, None, None)


def test_a_spec_that_every_file_of_the_home_has_lost_is_had_back(capsys: pytest.CaptureFixture[str]) -> None:
    home = driven(most_legs=2)
    sweep, (rows, _facts) = home.sweep().model_copy(update={"trials": 9}), state(home)
    home.keep(sweep)  # as `paceline resume --trials +3` does
    assert tracked(home).writer.close(60)
    begun = [row for row in rows if row[2]]

    def lose_all() -> None:
        gone(home)
        home.spec.unlink()
        home.document.write_bytes(b"?")
        home.__dict__.pop("storage", None)

    lose_all()
    assert main(["show", home.id]) == 1
    assert f"`paceline repair {home.id}` looks for it in the spool and MLflow" in capsys.readouterr().err
    for place in ("the spool", "MLflow"):
        assert main(["repair", home.id]) == 0
        err = capsys.readouterr().err
        assert f"sweep.json and sweep.yaml were damaged or gone, and are had back from {place} (" in err
        assert (home.path / "sweep.json.broken").read_bytes() == b"?"
        assert home.sweep() == sweep and home.edited() == ""
        assert [row for row in state(home)[0] if row[2]] == begun
        lose_all()
        shutil.rmtree(home.spool)
    [spec] = Path("mlruns").rglob("spec.yaml")
    spec.write_text(spec.read_text().replace("epochs: 3", "epochs: 4"))
    assert main(["repair", home.id]) == 1
    err = capsys.readouterr().err
    assert "its spec.yaml is not this sweep's: epochs differ" in err
    assert f"put the file that the sweep was begun with at {home.spec}, remove sweep.json" in err
    assert home.document.read_bytes() == b"?", "nothing was changed"
    home.document.unlink()
    assert main(["ls", "--json"]) == 0
    assert '"state": "damaged"' in capsys.readouterr().out
    home.spec.write_text(SPEC)
    assert main(["repair", home.id]) == 0
    assert (
        home.sweep().model_copy(update={"trials": 9}) == sweep
        and [row for row in state(home)[0] if row[2]] == begun
    )


def test_runs_that_no_one_drives_are_ended(capsys: pytest.CaptureFixture[str]) -> None:
    home = driven(most_legs=2, phase="search")
    assert "RUNNING" in {run.status for run in sweep_runs(None, home.id)}
    with home.driven():
        assert main(["repair", home.id]) == 2
    assert "is being driven by process" in capsys.readouterr().err
    assert main(["repair", home.id]) == 0
    out, _err = capsys.readouterr()
    assert out == f"sweep {home.id} is whole: `paceline resume {home.id}` continues it\n"
    assert "RUNNING" not in {run.status for run in sweep_runs(None, home.id)}
    spool = Spool(home.spool)
    assert spool.sent == spool.size
    spool.close()
