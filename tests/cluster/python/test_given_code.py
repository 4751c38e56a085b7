"""A workload that is given as an object: named where others can import it, else kept in the sweep's home."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

import paceline
from cluster.python.begin import begun_of
from cluster.python.given_code import separated
from cluster.sweep.home import SweepHome
from cluster.sweep.knowledge.code_digest import code_digest
from search_spaces.types.faults import SpecError
from workloads.examples import sklearn_sgd
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
