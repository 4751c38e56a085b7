"""Every file that a sweep keeps, damaged in every way: its readers give the right values, or say what is wrong."""

from __future__ import annotations

import json
import os
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster.cli.main import main
from cluster.sweep.data_process import Loaded
from cluster.sweep.home import SweepHome
from cluster.sweep.restore import check_card, note_spec
from cluster.targets.submitted import SubmittedSweep, entries, remember, spec_of
from search_spaces.race.search import Search
from search_spaces.study.study import Study
from tests.helpers.finished_sweep_without_ray import CARD, raced, tracked
from tests.helpers.harm import HARMS
from tracking.writer.events import TextKept
from tracking.writer.spool import Spool
from workloads.legs import checkpoint
from workloads.registry import catalogue

CLASSES = {"classes": ["a", "b"], "details": {}}
DATA = Loaded(None, None, {**CARD, **CLASSES}, {"train": [2, 0, 1]})
SENT = SubmittedSweep(
    id="5e7a", target="local", submission_id="s", name="n", submitted_at="2026-01-02T03:04:05+00:00", owner="o"
)
KINDS = (
    "data.json", "driver.lock", "events.jsonl", "journal.log", "journal.log.copy", "mlflow.db", "refused.jsonl",
    "sent", "state.json", "sweep.json", "sweep.yaml", "t0002-s0.txt", "weights.pt",
    "5e7a.json", "5e7a.json.copy", "5e7a.yaml",
)  # fmt: skip
TOLD_BY_READERS = {"sweep.json": "sweep.json", "sweep.yaml": "for reading alone", "mlflow.db": "MLflow: "}


def saved(home: SweepHome) -> str:
    """A checkpoint as a lane leaves it."""
    uri, weights = checkpoint.folder(home.checkpoints, "t0003-s0", 3), bytes(range(256)) * 4
    state = {"epoch": 3, "seed": 0, "params": {}, "weights": {"bytes": 1024, "crc32": zlib.crc32(weights)}}
    checkpoint.put(uri, checkpoint.WEIGHTS, weights)
    checkpoint.put(uri, checkpoint.STATE, json.dumps(state).encode())
    return uri


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with one finished sweep and all files that it keeps, and a submission to a cluster."""
    folder, before = tmp_path_factory.mktemp("finished"), Path.cwd()
    os.chdir(folder)
    home = raced("trials=4", "epochs=3", complete=True)
    study = Study(home.id, "maximize", home.journal)
    note_spec(home, study, home.sweep())
    check_card(home, study, DATA)
    study.flush()
    with home.driven():
        pass
    tracker = tracked(home)
    tracker.conclude("finished", None)
    assert tracker.close(60)
    spool = Spool(home.spool)
    spool.refuse(TextKept(path="a", text="b"), "no room")
    spool.close()
    (home.path / "errors").mkdir()
    (home.path / "errors" / "t0002-s0.txt").write_text("Traceback")
    saved(home)
    remember(SENT, "workload: mlp\n")
    shutil.copytree(folder, folder / ".." / "whole", dirs_exist_ok=True)
    yield folder
    os.chdir(before)


def loaded(home: SweepHome) -> list[Any]:
    """What a resume begins with."""
    sweep = home.sweep()
    study = Study(home.id, "maximize", home.study)
    race = Search(sweep, catalogue().workload("softmax").hyperparameters, study).race(1)
    assert not check_card(home, study, DATA) and home.has_data
    assert home.driver_pid() is None
    spool = Spool(home.spool)
    spool.close()
    return [sweep, study.facts(), [(t.searched, t.values, t.state, t.checkpoint) for t in race.tracks]]


def test_the_kinds_are_all_kinds(finished: Path) -> None:
    kept = {path.name for path in (finished / ".paceline").rglob("*") if path.is_file()}
    assert {*kept, "mlflow.db"} == set(KINDS)


@pytest.mark.parametrize(
    "harm", [pytest.param(harm, marks=[] if harm in ("flip", "remove") else pytest.mark.soak) for harm in HARMS]
)
def test_every_file_kept(finished: Path, capsys: pytest.CaptureFixture[str], harm: str) -> None:
    def restore() -> None:
        for path in list(finished.iterdir()):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.copytree(finished / ".." / "whole", finished, dirs_exist_ok=True)

    def run(*words: str) -> tuple[int, str, str]:
        code = main(words)
        return code, *capsys.readouterr()

    restore()
    home = SweepHome.find("last")
    right, [uri] = run("show", home.id, "--json"), checkpoint.found(home.checkpoints)
    listed, expected = json.loads(run("ls", "--json")[1]), loaded(home)
    assert checkpoint.valid(uri) and right[0] == 0 and right[2] == ""
    for kind in KINDS:
        restore()
        [path] = [path for path in finished.rglob(kind) if path.is_file()]
        HARMS[harm](path)
        code, out, err = run("show", home.id, "--json")
        assert (code, out) == right[:2], (kind, err)
        told = TOLD_BY_READERS.get(kind, "")
        assert told in err or kind == "mlflow.db", (kind, err)
        if told or kind.startswith("5e7a"):
            code, out, err = run("ls", "--json")
            rows = [row for row in json.loads(out) if row["sweep"] == home.id]
            assert code == 0 and rows == [row for row in listed if row["sweep"] == home.id], (kind, out)
            assert told in err or (kind == "mlflow.db" and harm in ("flip", "remove")), (kind, err)
            assert run("resume", home.id)[0] == 0, kind  # nothing is left to do: it mends the spec
        assert loaded(home) == expected, kind
        assert home.edited() == "" and home.document.exists()
        assert checkpoint.valid(uri) == (kind not in ("state.json", "weights.pt")), kind
        assert (entries(), spec_of(SENT.id)) == ([SENT], "workload: mlp\n"), kind
