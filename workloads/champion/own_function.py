"""What MLflow needs to serve the champion of a user's function: saved files, its modules, and an example."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from shutil import copyfile
from typing import Any

from search_spaces.types.errors.whose_code import is_installed
from search_spaces.types.files.kept_code import is_kept
from search_spaces.types.module_path import OURS
from workloads.arrays import Column
from workloads.champion import served_function
from workloads.champion.export import trained
from workloads.champion.served_function import ABOUT, SAVED
from workloads.contract import NotServed
from workloads.data.search_data import SearchData
from workloads.legs import checkpoint
from workloads.models.custom.hidden import used_modules
from workloads.models.custom.run_parts.rows import RawTable
from workloads.registry import is_users, module_of
from workloads.tables import date_texts, month_names
from workloads.tables.columns import CODED, spelled

NUM_ROWS = 4
LOADER = "paceline_served_function"
"""Name of the module that loads the model, a copy of ``served_function``."""
COPIES = {
    served_function: LOADER,
    date_texts: "paceline_served_dates",
    month_names: "paceline_served_months",
}
"""Our modules that go along with a model, and the names of their copies."""


@dataclass(frozen=True, kw_only=True)
class OwnFunction:
    """A function's champion as files, with all that is needed to serve it by ``LOADER``."""

    path: Path
    code: tuple[Path, ...]
    """Files and folders to be put on the import path where the model is loaded."""
    packages: tuple[str, ...]
    """Distributions that the modules import."""
    example: Any
    """A few inputs as ``predict`` takes them, None without data."""
    outputs: Any
    """What ``predict`` returned for them."""


def own_function(workload_name: str, uri: str, search: SearchData, folder: Path) -> OwnFunction:
    """Put the files of the checkpoint ``uri``, and the function's modules, into ``folder``.

    Raises NotServed, and what ``predict`` raises for the example.
    """
    if is_kept(workload_name):
        raise NotServed(
            "code of a notebook or script is in no module that a server could import: write it into one"
        )
    path, name, module = folder / "function", workload_name.partition(":")[0], module_of(workload_name)
    root = _root(module, name)
    if not checkpoint.copy_saved(uri, path / SAVED):
        raise NotServed(f"{workload_name} saved nothing: run.report(save, ...) writes what predict reads")
    example, columns = _example(workload_name, uri, search)
    about: dict[str, Any] = {
        "module": name,
        "columns": columns,
        "matrix": [],
        "returns": getattr(module.predict, "returns", None),
    }
    if not columns and all(column.kind != "text" for column in search.train.columns):
        about["matrix"] = [asdict(column) for column in search.train.columns]
    (path / ABOUT).write_text(json.dumps(about, indent=1), encoding="utf-8")
    return OwnFunction(
        path=path,
        code=modules_along(name, root, folder / "code", served=True),
        packages=_packages({*used_modules(name, root)[1], name.partition(".")[0]}),
        example=example,
        outputs=None if example is None else module.predict(path / SAVED, example),
    )


@contextmanager
def imports_kept(code: Iterable[Path]) -> Iterator[None]:
    """Put the import path, and the modules with the names of ``code``, back after the block.

    MLflow imports the copies where it tries the model that it logs, and deletes them.
    """
    own = {path.stem for path in code}
    path, before = list(sys.path), {n: m for n, m in sys.modules.items() if n.partition(".")[0] in own}
    try:
        yield
    finally:
        sys.path[:] = path
        for name in [name for name in sys.modules if name.partition(".")[0] in own]:
            del sys.modules[name]
        sys.modules.update(before)


def modules_along(name: str, root: Path, target: Path, served: bool = False) -> tuple[Path, ...]:
    """Copy what importing a user's module runs into ``target``; return its top level.

    Where it is ``served`` by ``LOADER``, that goes along.

    Of an installed package nothing is copied: it is required.
    """
    files = [] if _is_of_package(name, root) else used_modules(name, root)[0]
    _copy(files, root, target)
    if served:
        _copy_loader(target)
    return tuple(sorted(target.iterdir()))


def code_of_network(workload_name: str, target: Path) -> tuple[Path, ...]:
    """Copy the modules of a user's network into ``target``; return what is on its top level. None for our own."""
    if not is_users(workload_name):
        return ()
    name = workload_name.partition(":")[0]
    return modules_along(name, _root(module_of(workload_name), name), target)


def _root(module: Any, name: str) -> Path:
    """Return the folder in which ``import`` finds the first part of the module's name."""
    file = Path(str(module.__file__)).resolve()
    return file.parents[name.count(".") + (file.name == "__init__.py")]


def _is_of_package(name: str, root: Path) -> bool:
    """Whether the module is of an installed package, which is required then, and not copied."""
    return name.partition(".")[0] in OURS or is_installed(root)


def _copy(files: list[Path], root: Path, target: Path) -> None:
    """Copy the user's modules into ``target``."""
    target.mkdir(parents=True, exist_ok=True)
    for file in files:
        copy = target / file.resolve().relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copyfile(file, copy)


def _copy_loader(target: Path) -> None:
    """Copy our modules into ``target``, where they import each other by the names of the copies."""
    for module, copy in COPIES.items():
        text = Path(str(module.__file__)).read_text(encoding="utf-8")
        for other, name in COPIES.items():
            text = text.replace(other.__name__, name)
        (target / f"{copy}.py").write_text(text, encoding="utf-8")


@cache
def _distributions() -> Mapping[str, list[str]]:
    """Return the distributions of each module on the import path: about a second, where many are installed."""
    return packages_distributions()


def _packages(tops: set[str]) -> tuple[str, ...]:
    """Return the distributions of these modules; those of the standard library and of the folder have none."""
    known = _distributions()
    found = {name for top in tops - set(OURS) for name in known.get(top, ())}
    return tuple(sorted({"mlflow", "numpy", "pandas", *found} | ({"paceline"} if tops & set(OURS) else set())))


def _example(workload_name: str, uri: str, search: SearchData) -> tuple[Any, dict[str, dict[str, Any]]]:
    """Return a few raw inputs as ``predict`` takes them, and the columns if these are rows."""
    if not search.given:
        return None, {}
    _, data, _ = trained(workload_name, uri, search)
    x = data.inputs(data.x_val[:NUM_ROWS])
    rows = isinstance(data.prepare, RawTable) and data.prepare.as_rows
    return (x, _told(search.train.columns)) if rows else (x.numpy(), {})


def _told(columns: tuple[Column, ...]) -> dict[str, dict[str, Any]]:
    return {
        c.name: {
            "kind": c.kind,
            "form": c.date_format or c.number_form,
            "missing": list(c.missing),
            "same": spelled({"True", "False"}, c) if c.kind in CODED else {},
        }
        for c in columns
    }
