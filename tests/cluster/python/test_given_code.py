"""A workload that is given as an object: named where others can import it, else kept in the sweep's home."""

from __future__ import annotations

import importlib
import os
import pickle
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

import paceline
from cluster.cli.main import main
from cluster.python.begin import begun_of
from cluster.python.given_code import separated
from cluster.python.showing import show_end
from cluster.sweep.home import SweepHome
from cluster.sweep.knowledge.code_digest import code_digest
from search_spaces.types.faults import SpecError
from search_spaces.types.files.kept_code import FILE
from tests.helpers.finished_sweep_without_ray import raced
from workloads.examples import sklearn_sgd
from workloads.models.custom.kept_code import kept, packed
from workloads.registry import workload

SPEC = {
    "data": {"name": "iris"},
    "metric": {"name": "val_accuracy", "goal": "maximize"},
    "parameters": {"lr": {"min": 0.1, "max": 0.9}},
    "final": "none",
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def made(step: float) -> Any:
    def train(run: Any, *, lr: float = 0.1) -> None:
        run.report(val_accuracy=lr * step)

    return train


def test_code_of_a_module_is_named() -> None:
    spec, overrides, code = separated({**SPEC, "workload": sklearn_sgd.train}, {"trials": 3})
    name = "workloads.examples.sklearn_sgd:train"
    assert isinstance(spec, dict) and spec["workload"] == overrides["workload"] == name and code is None
    assert separated("sweep.yaml", {"trials": 3}) == ("sweep.yaml", {"trials": 3}, None)


def test_code_of_a_notebook_is_kept_in_the_home_and_moves_with_it(tmp_path: Path) -> None:
    sweep, home = begun_of(SPEC, {"workload": made(0.5), "trials": 3})
    assert sweep.workload == f"{home.path}/workload.pkl:train" and sweep.name == "train-iris"
    assert home.sweep(to_run=True) == sweep and workload(sweep.workload).name == sweep.workload
    other = begun_of(SPEC, {"workload": made(0.7)})[0]
    assert code_digest(sweep.workload) != code_digest(other.workload)
    moved = SweepHome(home.id, shutil.move(home.path, tmp_path / "moved"))
    assert moved.sweep(to_run=True).workload == f"{tmp_path}/moved/workload.pkl:train"
    (moved.path / "workload.pkl").unlink()
    with pytest.raises(SpecError, match="the code of this sweep is gone"):
        moved.sweep(to_run=True)


def test_it_is_checked_as_any_other_and_nothing_is_made_where_it_is_refused() -> None:
    with pytest.raises(SpecError) as refused:
        paceline.run({**SPEC, "parameters": {"lrr": 0.1}}, workload=made(1.0))
    assert "spec: parameters.lrr: " in str(refused.value) and "did you mean 'lr'?" in str(refused.value)
    with pytest.raises(SpecError, match="warm_start"):
        paceline.run(SPEC, workload=made(1.0), warm_start=["none"])
    numbers = (number for number in range(3))

    def bad(run: Any, *, lr: float = 0.1) -> None:
        next(numbers)

    with pytest.raises(SpecError, match=r"it uses 'numbers', .*: make that inside .*workload: mine:train"):
        paceline.run(SPEC, workload=bad)
    with pytest.raises(SpecError, match="must have a name"):
        paceline.check({**SPEC, "workload": lambda run: None})
    assert SweepHome.all() == []
    assert paceline.check({**SPEC, "workload": made(1.0)}).workload.endswith(":train")


def test_a_checked_sweep_of_code_of_this_program_keeps_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    train = made(0.5)
    train.__module__ = "__main__"
    monkeypatch.setattr(sys.modules["__main__"], "train", train, raising=False)
    sweep = paceline.check(SPEC, workload=train)
    assert sweep.workload == "__main__:train"
    begun, home = begun_of(sweep, {})
    assert begun.workload == f"{home.path}/workload.pkl:train"
    assert begun_of(sweep, {"trials": 3})[0].trials == 3


def test_a_module_that_was_changed_or_is_another_folder_s_is_imported_anew(tmp_path: Path) -> None:
    """Its decorator is what makes it one that is imported."""
    source = "import functools\n@functools.cache\ndef same():\n    return lambda f: f\n"
    source += "@same()\ndef train(run, *, {}: float = 0.1):\n    run.report(val_accuracy=1.0)\n"

    def params(folder: Path, name: str) -> set[str]:
        folder.mkdir(exist_ok=True)
        (folder / "mine_anew.py").write_text(source.format(name))
        (folder / "s.yaml").write_text("workload: mine_anew:train\ndata: {name: iris}\nfinal: none\n")
        metric = {"name": "val_accuracy", "goal": "maximize"}
        return {*paceline.check(folder / "s.yaml", parameters={name: 0.5}, metric=metric).constants}

    assert params(tmp_path / "a", "lr") == {"lr"}
    assert params(tmp_path / "a", "momentum") == {"momentum"}
    assert params(tmp_path / "b", "width") == {"width"}
    assert params(tmp_path / "a", "depth") == {"depth"}


def test_an_object_is_of_its_own_folder_where_another_has_a_module_of_its_name(tmp_path: Path) -> None:
    for folder, value in (("a", 1.0), ("b", 2.0)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "twin.py").write_text(
            "import twin_beside\ndef train(run, *, lr: float = 0.1):\n    return twin_beside.value()\n"
        )
        (tmp_path / folder / "twin_beside.py").write_text(f"def value():\n    return {value}\n")
    os.chdir(tmp_path / "b")
    sys.path.insert(0, str(tmp_path / "a"))
    try:
        theirs = importlib.import_module("twin").train
        sweep, home = begun_of(SPEC, {"workload": theirs})
        assert sweep.workload == f"{home.path}/workload.pkl:train"
        sys.path[0] = str(tmp_path / "b")
        for name in ("twin", "twin_beside"):
            del sys.modules[name]
        assert separated(SPEC, {"workload": importlib.import_module("twin").train})[2] is None
        assert separated(SPEC, {"workload": theirs})[2] is not None, "of a module that was imported before"
        assert kept(sweep.workload)(None) == 1.0, "with what is beside it"
    finally:
        del sys.path[0], sys.modules["twin"], sys.modules["twin_beside"]


@pytest.mark.parametrize("kind", ["kept", "module"])
def test_whoever_looks_at_a_sweep_runs_none_of_its_code(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = raced("parameters.lr=0.01", "parameters.batch_size.values=[8, 16, 32, 64]", "trials=3")
    (home.path / FILE).write_bytes(packed(made(0.5)))
    (tmp_path / "evil.py").write_text("raise SystemExit('run')\n")
    monkeypatch.setattr(pickle, "loads", lambda content: pytest.fail("unpickled"))
    workload_name = f"{home.path / FILE}:train" if kind == "kept" else "evil:Net"
    home.keep(home.sweep().model_copy(update={"workload": workload_name, "folder": str(tmp_path)}))
    for words in (["show", home.id], ["show", home.id, "--json"], ["ls"], ["best", home.id]):
        assert main(words) == 0, words
    found = paceline.load(home.id)
    assert found.to_dict()["trials"] and found.html() and found.name == "wines"
    show_end(found._read)
    assert f"paceline resume {home.id} --trials +20" in capsys.readouterr().out


def test_only_code_of_a_home_is_kept_code(tmp_path: Path) -> None:
    _, home = begun_of(SPEC, {"workload": made(0.5)})
    for name in ("journal.log:train", "driver.lock:train", "sweep.json:train", "workload.pkl:train"):
        home.keep(home.sweep().model_copy(update={"workload": name}))
        (home.path / name.partition(":")[0]).touch()
        assert home.sweep().workload == name
    home.keep(home.sweep().model_copy(update={"workload": f"{tmp_path}/elsewhere/workload.pkl:train"}))
    assert home.sweep().workload == f"{home.path}/workload.pkl:train", "never that of another folder"


def test_a_sweep_of_a_program_has_the_name_of_its_function() -> None:
    def train(run: Any, *, lr: float = 0.1) -> None: ...

    train.__module__ = "__main__"
    spec = {**SPEC, "workload": train}
    del spec["data"]
    assert paceline.check(spec).name == "train"
