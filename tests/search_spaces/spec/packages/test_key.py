"""Tests of the keys pip and working_dir."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest

from search_spaces.spec.packages.installed import PACELINE, ROOTS, installed
from search_spaces.spec.sweep import Sweep, load_sweep
from search_spaces.types.faults import SpecError
from search_spaces.types.module_path import Packages
from tests.helpers.paths import ROOT
from tests.helpers.tiny_wheel import tiny_wheel
from workloads.registry import catalogue

FUNCTION = "import only_by_pip\n\n\ndef train(run, *, lr: float = 0.1):\n    run.report(score=only_by_pip.BEST)\n"
SEARCHED = "metric: {name: score, goal: maximize}\nparameters: {lr: {min: 0.1, max: 1.0}}\nfinal: none\n"
SPEC, SCRIPT = f"workload: mine:train\n{SEARCHED}", f"program: s.py\n{SEARCHED}"


def sweep(folder: Path, text: str, *overrides: str) -> Sweep:
    (folder / "sweep.yaml").write_text(text)
    return load_sweep(folder / "sweep.yaml", overrides, catalogue=catalogue())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a function, whose module imports one that is not installed, and a script."""
    (tmp_path / "mine.py").write_text(FUNCTION)
    (tmp_path / "s.py").write_text("")
    tiny_wheel(tmp_path, "only_by_pip", "BEST = 1.0\n")
    return tmp_path


def test_packages_are_kept_as_pip_names_them_and_files_with_their_paths(folder: Path) -> None:
    (folder / "mine_pkg").mkdir()
    named = ["rich>=9; python_version > '3'", "a[b] @ https://x.org/a.whl", "git+https://x.org/a.git", "torch"]
    given = ["./only_by_pip-1.0-py3-none-any.whl", "only_by_pip-1.0-py3-none-any.whl", "./mine_pkg[all]"]
    found = sweep(folder, f"{SPEC}pip: {[*given, *named]!r}\n")
    wheel = str(folder / given[1])
    assert found.pip == (wheel, wheel, f"{folder / 'mine_pkg'}[all]", *named)
    assert found.packages == Packages(found.pip) and found.folder == str(folder)
    assert Sweep.model_validate_json(found.model_dump_json()) == found.model_copy(update={"folder": None})
    assert sweep(folder, found.to_text()).pip == found.pip
    assert sweep(folder, f"{SCRIPT}pip: [torch==1.0]\n").packages == Packages(("torch==1.0",), apart=True)


def test_a_password_in_a_file_of_requirements_is_not_kept_in_the_sweep(folder: Path) -> None:
    (folder / "needed.txt").write_text("mine @ https://me:secret@x.org/mine.whl\n")
    with pytest.raises(SpecError) as found:
        sweep(folder, f"{SPEC}pip: needed.txt\n")
    assert "pip: must not hold a password: put it into pip's configuration" in str(found.value)
    assert "secret" not in str(found.value)


@pytest.mark.parametrize(("given", "path"), [(".", ""), ("./", ""), (".[all]", "[all]"), ("..", "/..")])
def test_the_folder_itself_is_named_as_for_pip(folder: Path, given: str, path: str) -> None:
    whole = str(folder.parent) if path == "/.." else f"{folder}{path}"
    assert sweep(folder, f"{SCRIPT}pip: ['{given}']\n").pip == (whole,)


def test_a_file_of_requirements_is_read_at_once(folder: Path) -> None:
    (folder / "needed.txt").write_text("# ours\n\nrich  # for tables\n./only_by_pip-1.0-py3-none-any.whl\n")
    found = sweep(folder, f"{SPEC}pip: needed.txt\n")
    assert found.pip == ("rich", str(folder / "only_by_pip-1.0-py3-none-any.whl"))


@pytest.mark.parametrize(
    ("pip", "told"),
    [
        (
            "[torch==1.0]",
            f"pip.0: would take the place of torch {version('torch')}, which trains in the same process",
        ),
        ("[rich, 'NumPy<1']", "pip.1: would take the place of numpy"),
        ("[paceline==3]", "pip.0: must be left out: it is what runs the sweep"),
        ("['--index-url=x']", "pip.0: must be a package: options are set as pip's variables, PIP_INDEX_URL"),
        ("['file:///tmp/a.whl']", "pip.0: must be named by its path, as ./folder or ./file.whl"),
        ("['a @ file:///tmp/a.whl']", "pip.0: must be named by its path, as ./folder or ./file.whl"),
        ("[a b]", "pip.0: must be a package as pip names it, such as name==1.2, ./folder or ./file.whl (Exp"),
        ("[./only_by_pip-1.0-py3-none-ani.whl]", "did you mean 'only_by_pip-1.0-py3-none-any.whl'?"),
        (
            "requests",
            "which cannot be read (No such file or directory), received 'requests', did you mean ['requests']?",
        ),
        ("lost.txt", "pip: must be a list, or a file of requirements, which cannot be read"),
        ("[3]", "pip: must be a list of packages, such as [requests==2.32.5, ./my_pkg], or a file of requirements"),
    ],
)
def test_what_pip_cannot_mean_is_the_only_fault(folder: Path, pip: str, told: str) -> None:
    with pytest.raises(SpecError) as error:
        sweep(folder, f"{SPEC}pip: {pip}\n")
    [fault] = error.value.faults
    assert told in str(fault) and ":5: " in str(fault)


def test_code_is_found_and_runs_in_the_working_dir(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    specs = tmp_path_factory.mktemp("specs")
    (specs / "code").mkdir()
    for text in (SPEC + "pip: [rich]\n", SCRIPT):
        assert sweep(specs, f"{text}working_dir: {folder}\n").folder == str(folder)
        assert sweep(specs, text, f"working_dir=../{folder.name}/../{folder.name}").folder == str(folder)
        with pytest.raises(SpecError, match=r"working_dir: must be a folder, from .* did you mean 'code'") as error:
            sweep(specs, f"{text}working_dir: cod\n")
        assert len(error.value.faults) == 1


def test_beside_a_workload_of_pacelines_own_they_have_no_effect(folder: Path) -> None:
    with pytest.raises(SpecError, match=r"pip: has no effect: it is for users' code(.|\n)*working_dir: has no"):
        sweep(folder, "workload: mlp\ndata: {name: wine}\npip: [rich]\nworking_dir: .\n")


def test_users_code_that_cannot_be_imported_is_told_without_other_faults(folder: Path) -> None:
    with pytest.raises(SpecError) as error:
        sweep(folder, SPEC)
    [fault] = error.value.faults
    assert "No module named 'only_by_pip'" in str(fault) and "did you mean" not in str(fault)


def test_the_requirements_of_paceline_are_those_of_its_project_file() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {text.split(">")[0] for text in project["dependencies"]}
    assert declared <= {*ROOTS} and PACELINE not in installed()
    assert {"jinja2", "sqlalchemy", "filelock"} <= {*installed()}, "those that they need, too"
