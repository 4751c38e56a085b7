"""What the best trial's code saved: copied by `paceline best --files`, and where it is in `show` and its JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cluster.cli.main import main
from cluster.sweep.home import SweepHome
from search_spaces.study.study import Study
from tests.helpers.finished_sweep_without_ray import raced
from workloads.files.saved_files import SavedFiles
from workloads.legs import checkpoint
from workloads.training.setup import MemberState

SPEC = """
name: mine
workload: workloads.examples.sklearn_sgd:train
data: {name: digits}
epochs: 3
trials: 4
cohort: 1
final: none
parameters:
  alpha: {min: 1e-4, max: 1e-1, log: true}
"""


def saved(home: SweepHome, key: str, **files: str) -> str:
    """A checkpoint as a lane leaves it."""
    made = SavedFiles.empty()
    for name, text in files.items():
        (made.path / name).write_text(text)
    uri = checkpoint.folder(home.checkpoints, key, 3)
    state = MemberState({}, {}, made if files else None)
    checkpoint.save(uri, checkpoint.Progress(epoch=3, seed=0, params={}), state)
    return uri


def told(capsys: pytest.CaptureFixture[str], *command: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main(list(command))
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SweepHome:
    monkeypatch.chdir(tmp_path)
    return raced(text=SPEC)


def test_the_best_trial_s_files_are_copied_and_their_place_is_told(
    home: SweepHome, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    uri = saved(home, "t0003-s0", model="3", other="")
    code, out, _ = told(capsys, "best", home.id, "--files", "deep/copy")
    assert (code, out) == (0, "wrote deep/copy\n")
    assert {path.name: path.read_text() for path in Path("deep/copy").iterdir()} == {"model": "3", "other": ""}
    assert [path.name for path in Path("deep").iterdir()] == ["copy"], "nothing else is left"
    assert f"saved by t003: {uri}/files" in told(capsys, "show", home.id)[1]
    best = json.loads(told(capsys, "show", home.id, "--json")[1])["best"]
    assert best["files"] == f"{uri}/files" and Path(best["files"], "model").read_text() == "3"
    code, _, err = told(capsys, "best", home.id, "--files", "deep/copy")
    assert code == 2 and "deep/copy: it is there already: name a new folder" in err
    (Path(uri) / "files" / "model").write_text("4")
    code, _, err = told(capsys, "best", home.id, "--files", "again")
    assert code == 1 and "files/model does not match" in err and not Path("again").exists()


def test_the_champion_s_come_before_those_of_the_search(
    home: SweepHome, capsys: pytest.CaptureFixture[str]
) -> None:
    saved(home, "t0003-s0", at="search")
    entries: dict[str, Any] = {
        f"final:t0003-s{seed}": {
            "trial": 3, "seed": seed, "state": "done", "values": {"3": value}, "test": {},
            "checkpoint": saved(home, f"t0003-s{seed}", at=f"seed {seed}"),
        }
        for seed, value in ((1, 0.5), (2, 0.9), (3, 0.7))
    }  # fmt: skip
    study = Study(home.id, "maximize", home.journal)
    verdict = {"winner": {"number": 3, "mean": 0.9, "ci95": [0, 1], "seeds": 3}, "metric": "test_accuracy"}
    for key, value in {**entries, "verdict": verdict}.items():
        study.set(key, value)
    study.flush()
    Path("empty").mkdir()
    assert told(capsys, "best", home.id, "--files", "empty")[0] == 0
    assert Path("empty/at").read_text() == "seed 2"


def test_where_nothing_was_saved_a_way_out_is_told(
    home: SweepHome, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    saved(home, "t0003-s0")
    code, out, err = told(capsys, "best", home.id, "--files", "copy")
    assert code == 2 and out == "" and "saved nothing that was kept; a function saves by run.report(save" in err
    assert json.loads(told(capsys, "show", home.id, "--json")[1])["best"]["files"] is None
    code, _, err = told(capsys, "best", raced("trials=4").id, "--files", "copy")
    assert code == 2 and "softmax saves no files of its own; its weights" in err and not Path("copy").exists()
