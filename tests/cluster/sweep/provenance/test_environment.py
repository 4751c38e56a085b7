"""Tests of what is kept of a driver's environment: versions, machine, and the git commit of the spec's folder."""

from __future__ import annotations

import subprocess
from pathlib import Path

from cluster.sweep.provenance.environment import ENVIRONMENTS, Environment, cluster, commit, machine, versions
from search_spaces.study.study import Study


def git(folder: Path, *words: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", *who, "-C", str(folder), *words], check=True, capture_output=True)


def test_the_commit_and_changes_of_the_folder_are_told(tmp_path: Path) -> None:
    assert commit(tmp_path) is None, "no repository"
    git(tmp_path, "init", "-q")
    assert commit(tmp_path) is None, "no commit yet"
    (tmp_path / "sweep.yaml").write_text("a")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "x")
    (tmp_path / "untracked").write_text("b")
    clean = commit(tmp_path)
    assert clean and len(clean["commit"]) == 40 and clean["dirty"] is False
    (tmp_path / "sweep.yaml").write_text("c")
    assert commit(tmp_path) == clean | {"dirty": True}
    assert commit(tmp_path / "gone") is None


def test_an_environment_is_kept_once_for_equal_drivers_and_again_where_it_changes(tmp_path: Path) -> None:
    study = Study("env", "maximize", tmp_path / "journal.log")
    for lanes in (2, 2, 3):
        Environment(str(tmp_path), lanes).keep(study)
    first, second = study.facts()[ENVIRONMENTS]
    assert (first["lanes"], second["lanes"]) == (2, 3)
    assert first["packages"] == versions() and "torch" in first["packages"]
    assert first["machine"] == machine() and first["machine"]["cpus"] >= 1
    assert first["git"] is None


def test_a_cluster_is_told_by_its_machines() -> None:
    nodes = [{"CPU": 8.0, "GPU": 1.0, "accelerator_type:H200": 1.0}, {"CPU": 4.0}]
    assert cluster(nodes) == {"machines": 2, "cpus": 12.0, "gpus": 1.0, "kinds": ["H200"]}
