"""Whole sweeps of users' code with packages of its own, variables of its processes, and a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.commands import Folder
from tests.helpers.tiny_wheel import HERE_ALONE, tiny_wheel

pytestmark = [pytest.mark.slow, pytest.mark.soak]

FUNCTION = """
import os

import only_by_pip


def train(run, *, lr: float = 0.1):
    assert os.environ["MARK"] == "1" and os.path.exists("mine.py")
    of_process = open("/proc/self/environ", "rb").read()
    for epoch in range(run.epoch, run.num_epochs):
        run.report(save, score=only_by_pip.BEST - lr, early=float(b"MARK=1" in of_process))


def save(folder):
    (folder / "net").write_text("1")


def test(folder, *, lr):
    return {"test_score": only_by_pip.BEST - lr}


def predict(folder, rows):
    return [only_by_pip.BEST]
"""
SCRIPT = "import only_by_pip, pytest, wandb\nwandb.init()\nwandb.log({'score': only_by_pip.BEST})\n"
SEARCH = """
metric: {name: score, goal: maximize}
parameters: {lr: {min: 0.1, max: 0.5}}
trials: 3
max_concurrent: 1
working_dir: code
pip: [./only_by_pip-1.0-py3-none-any.whl]
env: {MARK: 1}
"""
WAYS = {
    "lean": ({}, ""),
    "plain": ({"PACELINE_PLAIN": "1"}, ""),
    "two workers": ({}, "resources: {workers: 2}\n"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A folder with a wheel, and below it a folder with code that imports the wheel's module."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "mine.py").write_text(FUNCTION)
    (tmp_path / "code" / "own.py").write_text(SCRIPT)
    tiny_wheel(tmp_path, "only_by_pip", "BEST = 0.75\n")
    return Folder(tmp_path)


@pytest.mark.parametrize("way", [*WAYS])
def test_a_function_is_trained_judged_and_served_with_its_packages(folder: Folder, way: str) -> None:
    """Its variables are those of the process from its start on; afterwards the environment is there."""
    env, more = WAYS[way]
    variables = {**HERE_ALONE, "PACELINE_CACHE": str(folder.path / "cache"), **env}
    folder.write(f"workload: mine:train\nepochs: 2\n{SEARCH}{more}")
    assert (
        "once on each machine, before the first trial\n"
        in folder.paceline("check", "sweep.yaml", **variables).stdout
    )
    told = folder.document("run", "sweep.yaml", **variables)
    assert {trial["state"] for trial in told["trials"]} <= {"done", "stopped"} and told["best"]["value"] > 0.2
    runs = folder.runs("trial")
    assert {folder.points(run["run_id"], "early")[0] for run in runs.values()} == {1.0}
    assert folder.champions("mine-train") == [told["sweep"]]
    assert "here that is done" in folder.paceline("check", "sweep.yaml", **variables).stdout


def test_a_script_runs_by_the_interpreter_of_its_packages(folder: Folder) -> None:
    folder.write(f"program: own.py\n{SEARCH}")
    told = folder.document("run", "sweep.yaml", **HERE_ALONE)
    assert [trial["value"] for trial in told["trials"]] == [0.75] * 3


def test_packages_that_are_not_found_end_the_sweep_before_it_begins(folder: Folder) -> None:
    folder.write(f"workload: mine:train\nepochs: 2\n{SEARCH}")
    done = folder.paceline("run", "sweep.yaml", "pip=[there-is-none]", **HERE_ALONE)
    assert (
        done.returncode == 2 and "No matching distribution found for there-is-none" in done.stderr.splitlines()[-1]
    )
    assert not (folder.path / ".paceline").exists() and not (folder.path / "mlflow.db").exists()
