"""The champion of a user's function in MLflow: it predicts the same in a fresh process that has no Paceline."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
import ray

from cluster.driver.champion import ChampionProcess, _ChampionActor
from tests.helpers.paths import ROOT
from tests.workloads.models.test_run import table
from workloads.champion import served_function
from workloads.champion.own_function import imports_kept, own_function
from workloads.contract import NotServed
from workloads.data.search_data import SearchData, no_data
from workloads.files.saved_files import SavedFiles
from workloads.legs import checkpoint
from workloads.training.setup import MemberState

SERVED = ["paceline_served_dates.py", "paceline_served_function.py", "paceline_served_months.py"]
CODE = ["own_helper.py", "own_mine_rows.py", *SERVED]
MODULE = """
import json
import {helper}

def train(run, *, lr: float = 0.1):
    ...

def predict(folder, x):
    return {helper}.scaled(json.loads((folder / "in" / "factor.json").read_text()), x)

predict.takes = "{takes}"
predict.returns = "values"
"""
HELPER = """
import numpy

def scaled(factor, x):
    if hasattr(x, "columns"):
        x = numpy.stack([(x["colour"] == "blue").astype(float), x["day"].dt.year.astype(float), x["size"]], 1)
    return x * factor + {offset}
"""
SERVE = """
import json, sys, mlflow, pandas, numpy
sys.modules["workloads"] = sys.modules["search_spaces"] = sys.modules["tracking"] = None  # no Paceline
mlflow.set_tracking_uri(sys.argv[1])
for name, rows in json.loads(sys.argv[2]).items():
    model = mlflow.pyfunc.load_model(f"models:/{name}@champion")
    x = pandas.DataFrame(rows) if isinstance(rows, dict) else numpy.array(rows, dtype=float)
    print(json.dumps(numpy.asarray(model.predict(x)).tolist()))
"""


@pytest.fixture
def actor(tmp_path: Path) -> Iterator[_ChampionActor]:
    before = list(sys.path)
    yield object.__new__(_ChampionActor)
    sys.path[:] = before
    for name in [name for name in sys.modules if name.startswith(("own_mine", "own_helper"))]:
        del sys.modules[name]


def order(uri: str, folder: Path, name: str, workload: str, factor: float | None) -> dict[str, Any]:
    """What the driver asks for, of a checkpoint as a lane leaves it."""
    files = SavedFiles.empty()
    (files.path / "in").mkdir()
    (files.path / "in" / "factor.json").write_text(str(factor))
    progress = checkpoint.Progress(epoch=2, seed=0, params={})
    checkpoint.save(str(folder / name), progress, state := MemberState({}, {}, files if factor else None), state)
    client = mlflow.MlflowClient(uri)
    found = client.get_experiment_by_name("own")
    experiment = found.experiment_id if found else client.create_experiment("own", (folder / "artifacts").as_uri())
    run_id = client.create_run(experiment).info.run_id
    more = {"workload": workload, "checkpoint": str(folder / name), "metadata": {}, "run_id": run_id}
    return {"uri": uri, "name": name, "sweep_id": "s", **more}


def mine(folder: Path, module: str, takes: str) -> str:
    folder.mkdir()
    (folder / f"{module}.py").write_text(MODULE.format(helper="own_helper", takes=takes))
    (folder / "own_helper.py").write_text(HELPER.format(offset=len(module)))
    (folder / "unused.py").write_text("raise RuntimeError")
    sys.path.append(str(folder))
    return f"{module}:train"


DAYS = ["2023-11-14", "1999-01-01T10:00"]
ROWS = {"colour": ["blue", "green"], "day": DAYS, "size": ["2", "3"], "grade": ["low", "low"]}
ASKED = {"rows": ROWS, "arrays": [[1.0, 2.0, 3.0, 4.0]] * 2, "bare": [[2.0], [4.0]]}
EXPECTED = {"rows": [[18, 10128, 23], [13, 10008, 28]], "arrays": [[18, 21, 24, 27]] * 2, "bare": [[27], [41]]}
"""By ``rows``, by arrays, and by a function that brings its own data; the helpers have one name and differ."""


def cases(uri: str, folder: Path) -> Iterator[tuple[str, dict[str, Any], SearchData]]:
    for name, factor in (("rows", 5.0), ("arrays", 3.0), ("bare", 7.0)):
        workload = mine(folder / f"code {name}", f"own_mine_{name}", "rows" if name == "rows" else "arrays")
        yield name, order(uri, folder, name, workload, factor), no_data() if name == "bare" else table()
        sys.modules.pop("own_helper", None)
        sys.path.remove(str(folder / f"code {name}"))


def test_files_and_modules_are_all_that_it_needs(sqlite_uri: str, tmp_path: Path, actor: _ChampionActor) -> None:
    loaded = {}
    for name, asked, search in cases(sqlite_uri, tmp_path):
        place = tmp_path / f"model {name}" / "data"
        found = own_function(asked["workload"], asked["checkpoint"], search, place)
        (place / "code").rename(place.parent / "code")
        assert sorted(path.name for path in (place.parent / "code").iterdir()) == [
            *("own_helper.py", f"own_mine_{name}.py"),
            *SERVED,
        ]
        assert "numpy" in found.packages and "paceline" not in found.packages
        assert (found.example is None) == (name == "bare") and list(found.path.iterdir())
        about = json.loads((found.path / "function.json").read_text())
        given = [list(one["values"]) for one in about["matrix"] if one["kind"] == "category"]
        assert (given, about["returns"]) == ([["red", "blue"]] if name == "arrays" else [], "values")
        with imports_kept((place.parent / "code").iterdir()):
            sys.path.insert(0, str(place.parent / "code"))
            loaded[name] = served_function._load_pyfunc(str(found.path))
    for name, asked_for in ASKED.items():
        x = pd.DataFrame(asked_for) if name == "rows" else np.array(asked_for)
        assert np.asarray(loaded[name].predict(x)).tolist() == EXPECTED[name]
    with pytest.raises(ValueError, match="must have the column 'grade', they have colour"):
        loaded["rows"].predict(pd.DataFrame(ROWS)[["colour", "day", "size"]])


def test_what_cannot_be_served_is_told(sqlite_uri: str, tmp_path: Path, actor: _ChampionActor) -> None:
    nothing = order(sqlite_uri, tmp_path, "nothing", mine(tmp_path / "code", "own_mine_nothing", "arrays"), None)
    with pytest.raises(NotServed, match=r"own_mine_nothing:train saved nothing: run.report\(save, ...\) writes"):
        own_function(nothing["workload"], nothing["checkpoint"], no_data(), tmp_path / "a")


def test_a_module_may_have_the_name_of_another(sqlite_uri: str, tmp_path: Path, actor: _ChampionActor) -> None:
    mine(tmp_path / "code", "own_mine_named", "arrays")
    (tmp_path / "code" / "own_helper.py").rename(tmp_path / "code" / "tracking.py")  # as one of Paceline's own
    module = tmp_path / "code" / "own_mine_named.py"
    module.write_text(MODULE.format(helper="tracking", takes="arrays"))
    asked = order(sqlite_uri, tmp_path, "named", "own_mine_named:train", 2.0)
    found = own_function(asked["workload"], asked["checkpoint"], no_data(), tmp_path / "model")
    with imports_kept((tmp_path / "model" / "code").iterdir()):
        sys.path.insert(0, str(tmp_path / "model" / "code"))
        loaded = served_function._load_pyfunc(str(found.path))
        assert Path(str(importlib.import_module("tracking").__file__)).parent == ROOT / "tracking"
    assert loaded.predict(np.array([[1.0]])).tolist() == [[2 + len("own_mine_named")]]


@pytest.mark.soak
def test_it_predicts_the_same_in_a_fresh_process_elsewhere(
    sqlite_uri: str, tmp_path: Path, actor: _ChampionActor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, asked, search in cases(sqlite_uri, tmp_path):
        assert actor.register(asked, search).uri == f"models:/{name}@champion"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", sqlite_uri)
    mlflow.set_tracking_uri(sqlite_uri)
    path = Path(mlflow.artifacts.download_artifacts("models:/rows/1"))
    assert sorted(file.name for file in (path / "code").iterdir()) == CODE
    assert not [file for file in path.rglob("*") if file.suffix in (".pkl", ".pickle")]
    needs = (path / "requirements.txt").read_text()
    assert "numpy==" in needs and "paceline" not in needs
    away = tmp_path / "away"
    away.mkdir()
    command = [sys.executable, "-c", SERVE, sqlite_uri, json.dumps(ASKED)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=away)
    assert done.returncode == 0, done.stderr
    assert dict(zip(ASKED, map(json.loads, done.stdout.splitlines()), strict=True)) == EXPECTED


def test_a_store_that_is_away_when_files_are_kept_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def found(what: str) -> str:
        if what == "keep":
            raise ray.exceptions.RayError("Away: no connection")
        raise NotServed("it saved nothing that predict reads")

    monkeypatch.setattr(ray, "get", found)
    worker = SimpleNamespace(
        **{name: SimpleNamespace(remote=lambda *_, name=name: name) for name in ("register", "keep")}
    )
    told: list[str] = []
    process: Any = ChampionProcess(
        SimpleNamespace(id="s"), SimpleNamespace(workload="mlp", name="a"), SimpleNamespace(search=None), worker
    )
    tracker: Any = SimpleNamespace(run_id=lambda *_: "r", uri="", say=told.append)
    track: Any = SimpleNamespace(key="t0001-s1", trial=1, seed=1, params={}, checkpoint="c")
    assert process.crown(track, tracker) is None
    assert told == ["the champion could not be registered: Away: no connection"]


def test_without_predict_what_it_saved_is_an_artifact_of_its_run(
    sqlite_uri: str, tmp_path: Path, actor: _ChampionActor
) -> None:
    saved, nothing = (order(sqlite_uri, tmp_path, f"{factor}", "any:train", factor) for factor in (1.5, None))
    assert actor.keep(saved) and not actor.keep(nothing)
    files = mlflow.MlflowClient(sqlite_uri).list_artifacts(saved["run_id"], "saved/in")
    assert [file.path for file in files] == ["saved/in/factor.json"]
