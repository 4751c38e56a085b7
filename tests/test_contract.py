"""The house's own rules, held by a test: who may import whom, and how large things may grow."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT
from tests.structure import PACKAGES, ROOMS, Tree, circles, python_files, room_of

MAX_FILE_LINES, MAX_FUNCTION_LINES, MAX_PARAMETERS, MAX_FILES = 400, 50, 6, 15
FACADE = "paceline.py"
"""The one module at the top level: it stands above ``cluster``."""
ENTRIES = ("cluster.cli", "cluster.job", "cluster.pre_stop")
"""Where a command begins: each imports what it needs when it is called."""
REASON = re.compile(r"#.*\d ms")
OLD_NAMES = {
    "workloads.table_model": ("load", "_load_pyfunc"),
    "workloads.transformers": ("as_text", "date_parts", "information_classes", "information_numbers"),
    "workloads.own_loop": ("Run",),
    "workloads.registry": ("Workload", "workload"),
    "cluster.leaving": ("main",),
}
"""Names that registered champions, users' code and applied manifests hold."""
FORBIDDEN = {
    "search_spaces": {"torch", "ray", "mlflow", "workloads", "tracking", "cluster"},
    "workloads": {"mlflow", "tracking", "cluster"},
    "tracking": {"torch", "ray", "workloads", "cluster"},
    "cluster": set(),
}
DRIVEN = ("cluster.driver.driver", "cluster.lanes.tune", "cluster.lanes.multi_worker_lane")
LOOPS = (
    "training.plain_loop",
    "training.fused.loop",
    "layers.layers",
    "training.optimizers",
    "tasks.classification",
)


def sources() -> Iterator[Path]:
    for package in PACKAGES:
        yield from python_files(ROOT / package)


OF_SCRIPTS = ROOT / "workloads/models/script/wandb_shim/wandb"
"""A package that scripts import as ``wandb``: it cannot name itself by where it lies here."""


def imported(path: Path) -> set[str]:
    """Every module that a file imports, at its top or inside a function, type-checking blocks included."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            if node.level and OF_SCRIPTS in path.parents:
                continue
            assert node.level == 0, f"{path}: imports are absolute"
            found.add(node.module or "")
    return found


def test_sources_are_found() -> None:
    assert len(list(sources())) > 40


def test_the_facade_is_small_and_nothing_imports_it() -> None:
    assert len((ROOT / FACADE).read_text().splitlines()) <= 250
    assert {name.split(".")[0] for name in imported(ROOT / FACADE)} <= {
        "cluster",
        "search_spaces",
        *sys.stdlib_module_names,
    }
    assert [path for path in sources() if "paceline" in imported(path)] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_point_one_way(package: str) -> None:
    for path in python_files(ROOT / package):
        tops = {name.split(".")[0] for name in imported(path)}
        assert not tops & FORBIDDEN[package], f"{path} imports {sorted(tops & FORBIDDEN[package])}"


def test_only_cluster_imports_tune_and_only_ray_train_imports_train() -> None:
    for path in sources():
        for name in imported(path):
            assert not name.startswith("ray.tune") or path.parts[-2] == "cluster" or "cluster" in path.parts, path
            assert not name.startswith("ray.train") or path.name == "ray_train.py", path


@pytest.mark.parametrize("loop", LOOPS)
def test_the_loops_need_torch_alone(loop: str) -> None:
    """They can be measured on a machine that has torch and nothing else of ours' needs."""
    code = (
        f"import sys, workloads.{loop}\n"
        "print([m for m in ('ray', 'mlflow', 'sklearn', 'pandas', 'optuna', 'pydantic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("module", DRIVEN)
def test_a_driver_does_without_torch(module: str) -> None:
    """It costs seconds and 300 MiB, and only lanes train."""
    code = f"import sys, {module}\nprint([m for m in ('torch', 'sklearn', 'mlflow') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_is_this_repository_s(package: str) -> None:
    module = importlib.import_module(package)
    assert module.__file__ is not None
    assert Path(module.__file__).resolve() == (ROOT / package / "__init__.py").resolve()


def test_files_and_functions_stay_small() -> None:
    faults = []
    for path in (*sources(), ROOT / FACADE):
        text = path.read_text()
        if len(text.splitlines()) > MAX_FILE_LINES:
            faults.append(f"{path.relative_to(ROOT)}: {len(text.splitlines())} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or 0) - node.lineno + 1
                num = len([a for a in node.args.args if a.arg not in ("self", "cls")]) + len(node.args.kwonlyargs)
                if length > MAX_FUNCTION_LINES or num > MAX_PARAMETERS:
                    faults.append(
                        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {length} lines, {num} parameters"
                    )
    assert not faults, "\n".join(faults)


@pytest.fixture(scope="module")
def tree() -> Tree:
    return Tree(ROOT)


def test_every_file_has_a_room(tree: Tree) -> None:
    known = {(package, room) for package, floors in ROOMS.items() for floor in floors for room in floor}
    homeless = [name for name in tree.files if "." in name and room_of(name) not in known]
    assert not homeless, f"tests/structure.py: ROOMS has no floor for {homeless}"


def test_imports_between_rooms_point_down(tree: Tree) -> None:
    assert [f"{one.importer}:{one.line} imports {one.imported}" for one in tree.upward()] == []


def test_no_modules_import_each_other(tree: Tree) -> None:
    assert tree.circles() == []


def test_circles_are_found() -> None:
    edges = {"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a", "d2"}, "d2": {"d"}, "e": set()}
    assert circles(edges) == [["b", "c"], ["d", "d2"]]


def test_folders_stay_small(tree: Tree) -> None:
    large = {folder: num for folder, num in tree.folders().items() if num > MAX_FILES}
    assert not large


def test_rooms_say_what_they_are_for(tree: Tree) -> None:
    mute = [str(path) for path in tree.files.values() if path.name == "__init__.py" and not _docstring(path)]
    assert not mute


def test_imports_inside_functions_say_what_they_save(tree: Tree) -> None:
    """Outside of the commands: a reason in milliseconds on the line, or on the one above of the same block."""
    silent = []
    for one in tree.imports:
        if one.inside and not one.importer.startswith(ENTRIES):
            lines = tree.files[one.importer].read_text().splitlines()
            if not any(REASON.search(line) for line in lines[max(0, one.line - 2) : one.line]):
                silent.append(f"{one.importer}:{one.line}")
    assert not silent


def _bound(path: Path) -> set[str]:
    """Every name that a module binds somewhere."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.alias):
            found.add((node.asname or node.name).partition(".")[0])
    return found


def test_tests_import_names_that_there_are(tree: Tree) -> None:
    """mypy reads the packages alone: what a renamed file breaks among the tests is told here, before they run."""
    known = {f"{module}.{name}" for module, path in tree.files.items() for name in _bound(path)} | tree.files.keys()
    asked: set[str] = set()
    for path in python_files(ROOT / "tests"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                asked |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                asked |= {f"{node.module}.{alias.name}" for alias in node.names}
    missing = {name for name in asked if name.partition(".")[0] in PACKAGES} - known
    assert missing == {"workloads.models.script.wandb_shim.wandb"}  # a package that the tree leaves out


@pytest.mark.parametrize("module", OLD_NAMES)
def test_names_that_others_hold_stay(module: str) -> None:
    found = importlib.import_module(module)
    assert [name for name in OLD_NAMES[module] if not hasattr(found, name)] == []


def test_an_applied_manifest_s_hook_still_starts() -> None:
    done = subprocess.run([sys.executable, "-m", "cluster.leaving"], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, "head|worker" in done.stderr) == (2, True)


def _docstring(path: Path) -> str | None:
    return ast.get_docstring(ast.parse(path.read_text()))


@pytest.mark.slow
def test_the_wheel_ships_the_four_packages_the_facade_and_nothing_else(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {*PACKAGES, FACADE}
    assert "search_spaces/examples/demo.yaml" in names
