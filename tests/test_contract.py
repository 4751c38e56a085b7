"""The house's own rules, held by a test: who may import whom, and how large things may grow."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("cluster", "workloads", "search_spaces", "tracking")
MAX_FILE_LINES, MAX_FUNCTION_LINES, MAX_PARAMETERS = 400, 50, 6
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
        yield from sorted((ROOT / package).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Every module that a file imports, at its top or inside a function, type-checking blocks included."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            found.add(node.module or "")
    return found


def test_sources_are_found() -> None:
    assert len(list(sources())) > 40


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_point_one_way(package: str) -> None:
    for path in (ROOT / package).rglob("*.py"):
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
    for path in sources():
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


@pytest.mark.slow
def test_the_wheel_ships_the_four_packages_and_nothing_else(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)
    assert "search_spaces/examples/demo.yaml" in names
