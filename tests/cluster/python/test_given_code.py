"""A workload that is given as an object: named where others can import it, else kept in the sweep's home."""

from __future__ import annotations

import shutil
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
