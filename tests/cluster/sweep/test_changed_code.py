"""A sweep that goes on with other code of its user's says so: old values are of the code before."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.sweep.knowledge.changed_code import changed_code
from search_spaces.spec.sweep import load_sweep
from search_spaces.study.study import Study
from workloads.registry import catalogue
from workloads.users_packages.environment import environment

SPECS = {
    "function": "workload: mine_that_changes:train\nmetric: {name: score, goal: maximize}\nfinal: none\n",
    "script": "program: mine_that_changes.py\nmetric: {name: score, goal: maximize}\n",
}
PARAMETERS = "parameters: {lr: {min: 0.1, max: 1.0}}\n"
CODE = "import helper_that_changes\ndef train(run, *, lr: float = 0.1): ...\n"


@pytest.mark.parametrize("kind", SPECS)
def test_files_that_changed_are_told_once_and_not_before_the_first_trial(kind: str, tmp_path: Path) -> None:
    (tmp_path / "sweep.yaml").write_text(SPECS[kind] + PARAMETERS)
    (tmp_path / "mine_that_changes.py").write_text(CODE)
    helper = tmp_path / "helper_that_changes.py"
    helper.write_text("X = 1\n")
    (tmp_path / "unused.py").write_text("X = 1\n")
    sweep = load_sweep(tmp_path / "sweep.yaml", catalogue=catalogue())
    study = Study("a1b2", "maximize", tmp_path / "journal.log")
    assert changed_code(study, sweep) is None, "a new sweep"
    helper.write_text("X = 2\n")
    assert changed_code(study, sweep) is None, "there is no trial"
    study.add(sweep.space, {"lr": 0.5})
    (tmp_path / "unused.py").write_text("X = 2\n")
    assert changed_code(study, sweep) is None
    helper.write_text("X = 3\n")
    told = changed_code(study, sweep)
    assert told is not None and told.startswith(
        "helper_that_changes.py has changed since the sweep was trained last"
    )
    assert "the values of its 1 trial so far" in told
    assert changed_code(study, sweep) is None, "it was told"
    helper.unlink()
    (tmp_path / "mine_that_changes.py").write_text(CODE + "X = 1\n")
    told = changed_code(study, sweep)
    assert told is not None and told.startswith("helper_that_changes.py, mine_that_changes.py have changed")


def test_packages_that_changed_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A local one by its files, one that is found by its name by the version that was installed."""
    (tmp_path / "sweep.yaml").write_text(f"{SPECS['script']}{PARAMETERS}pip: [./lib, found_by_name]\n")
    (tmp_path / "mine_that_changes.py").write_text("X = 1\n")
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "lib.py").write_text("X = 1\n")
    monkeypatch.setenv("PACELINE_CACHE", str(tmp_path / "cache"))
    sweep = load_sweep(tmp_path / "sweep.yaml", catalogue=catalogue())
    site = Path(environment(sweep.packages).site_packages)
    (site / "found_by_name-1.0.dist-info").mkdir(parents=True)
    study = Study("a1b2", "maximize", tmp_path / "journal.log")
    study.add(sweep.space, {"lr": 0.5})
    assert changed_code(study, sweep) is None
    (site / "found_by_name-1.0.dist-info").rename(site / "found_by_name-1.1.dist-info")
    (tmp_path / "lib" / "lib.py").write_text("X = 2\n")
    told = changed_code(study, sweep)
    assert told is not None and told.startswith("found_by_name (pip), lib (pip) have changed")
    assert changed_code(study, sweep) is None, "it was told"
