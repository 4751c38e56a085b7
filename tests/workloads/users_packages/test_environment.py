"""Tests of virtual environments for the packages that users' code needs."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from search_spaces.types.module_path import NotInstalled, Packages
from tests.helpers.paths import ROOT
from tests.helpers.tiny_wheel import HERE_ALONE, tiny_wheel
from workloads.users_packages.environment import environment, made

USE = """
import sys
from search_spaces.types.module_path import users_folder
from search_spaces.types.module_path import Packages
from workloads.registry import workload
users_folder({folder!r}, Packages(({wheel!r},)))
print(workload("mine:train").name)
import json, numpy, only_by_pip, subprocess
assert "environments" in only_by_pip.__file__ and "environments" not in json.__file__ + numpy.__file__
from workloads.users_packages.imports import import_path, interpreter
seen = subprocess.run([sys.executable, "-c", "import only_by_pip; print(only_by_pip.BEST)"], capture_output=True)
apart = [interpreter(), "-c", "import only_by_pip, numpy, pytest; print(only_by_pip.BEST, only_by_pip.__file__)"]
print(seen.stdout.decode(), subprocess.run(apart, capture_output=True, env={{}}).stdout.decode())
"""


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pip asks no index."""
    for name, value in HERE_ALONE.items():
        monkeypatch.setenv(name, value)


def test_users_code_finds_its_packages_which_are_installed_once(tmp_path: Path) -> None:
    """In this process, in those that it starts, and by the interpreter of scripts, all of Paceline's beside."""
    wheel = str(tmp_path / tiny_wheel(tmp_path, "only_by_pip", "BEST = 0.7\n"))
    (tmp_path / "mine.py").write_text("import only_by_pip\n\n\ndef train(run, *, lr: float = 0.1):\n    pass\n")
    told: list[str] = []
    packages = Packages((wheel,))
    first = made(packages, told.append)
    assert made(packages, told.append) == first == environment(packages) and told == [
        "pip: installing only_by_pip-1.0-py3-none-any.whl"
    ]
    use = USE.format(folder=str(tmp_path), wheel=wheel)
    ran = subprocess.run(
        [sys.executable, "-c", use], capture_output=True, text=True, cwd=tmp_path, check=True,
        env={"PYTHONPATH": f"{ROOT}", "PACELINE_CACHE": str(first.folder.parent.parent)},
    )  # fmt: skip
    assert ran.stdout.split() == ["mine:train", "0.7", "0.7", f"{first.site_packages}/only_by_pip.py"], ran.stderr
    assert ran.stderr == "", "nothing is installed again"


def test_other_contents_of_a_file_are_another_environment(tmp_path: Path) -> None:
    """Also below a folder, but for what a build leaves there."""
    package = tmp_path / "pkg"
    package.mkdir()
    (package / "a.py").write_text("1")
    names = [environment(Packages((f"{package}[x]",))).folder.name]
    for path in ("build/b.py", "pkg.egg-info/x", "c.py"):
        (package / path).parent.mkdir(exist_ok=True)
        (package / path).write_text("2")
        names.append(_digest(Packages((f"{package}[x]",))))
    assert names[0] == names[1] == names[2] != names[3]
    assert _digest(Packages((f"{package}[x]",), apart=True)) != names[3]
    for path in (".paceline/s/journal.log", "mlruns/0/meta.yaml", "mlflow.db-wal", ".git/HEAD", "wandb/run"):
        (package / path).parent.mkdir(parents=True, exist_ok=True)
        (package / path).write_text("what a sweep leaves in its folder, whose package it may be")
    assert _digest(Packages((f"{package}[x]",))) == names[3]
    copied = shutil.copytree(package, tmp_path / "elsewhere" / "pkg")
    assert _digest(Packages((f"{copied}[x]",))) == names[3], "a cluster unpacks each submission into another folder"
    with pytest.raises(NotInstalled, match=r"gone.whl cannot be read: No such file"):
        environment(Packages(("/gone.whl",)))


def _digest(packages: Packages) -> str:
    from workloads.users_packages import environment as module

    return module._digest.__wrapped__(packages)


def test_what_cannot_be_installed_is_told_in_a_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    old = str(tmp_path / tiny_wheel(tmp_path, "wants_old", "", ["numpy<1.5"]))
    ours = str(tmp_path / tiny_wheel(tmp_path, "tracking", ""))
    cases = {
        (
            "there-is-none",
            "rich",
        ): "pip cannot install there-is-none, rich: Could not find a version that satisfies "
        r"the requirement there-is-none \(from versions: none\); No matching distribution found for there-is-none",
        (
            old,
        ): r"pip cannot install .*: wants.old 1.0 depends on numpy<1.5; The user requested \(constraint\) numpy==",
        (ours,): "brings a module named tracking, which is Paceline's: leave it out",
    }
    for requirements, told in cases.items():
        with pytest.raises(NotInstalled, match=told):
            made(Packages(requirements), lambda _: None)
        assert not environment(Packages(requirements)).folder.exists()


def test_a_folder_that_cannot_be_written_is_told_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PACELINE_CACHE", str(tmp_path / "file"))
    with pytest.raises(NotInstalled, match=r"file/environments: Not a directory; set PACELINE_CACHE to a folder"):
        made(Packages(("rich",)))
