"""A digest of the code that trains a sweep's trials: equal digests mean equal code, as far as files tell.

Of own code that is all Python files in its package's folder, or in the folder of its module, and those that are
imported from elsewhere, without installed packages, whose versions count. What it reads besides nobody knows.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Final

import search_spaces
import workloads
from search_spaces.types.errors.whose_code import is_installed
from search_spaces.types.files.kept_code import is_kept
from search_spaces.types.module_path import code_folder
from workloads.models.custom.source.imported_names import imported_names

LIBRARIES: Final = (
    "torch", "torchvision", "numpy", "scipy", "scikit-learn", "pandas", "pyarrow", "pillow", "transformers",
    "tokenizers",
)  # fmt: skip
"""Packages on whose version the numbers of our own workloads depend."""
LEFT_OUT: Final = ("__pycache__", "node_modules", "site-packages", "mlruns", "mlartifacts")
"""Folders that hold no code of a user's."""
_OURS: Final = tuple(Path(str(package.__file__)).resolve().parent for package in (workloads, search_spaces))


def code_digest(workload: str, script: str | None = None) -> str:
    """Return the digest of Paceline's workloads, of the libraries below them and of a user's own code.

    ``script`` is the folder of the sweep's script, if it has one.
    """
    digest = hashlib.sha256(f"{sys.version_info[:2]} {workload}\n".encode())
    for ours in _OURS:
        digest.update(_content(ours))
    module, own, _ = workload.partition(":")
    if is_kept(workload):
        digest.update(Path(workload.rpartition(":")[0]).read_bytes())
    elif own:
        folder = _folder(module)
        digest.update(_content(folder))
        for name, path in imported_elsewhere(module, folder):
            digest.update(f"{name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    if script:
        digest.update(_content(Path(script)))
    versions = _all_versions() if own or script else (f"{name} {_version(name)}" for name in LIBRARIES)
    digest.update("\n".join(versions).encode())
    return digest.hexdigest()


def _folder(module: str) -> Path:
    """Return the folder of a user's imported module: that of its outermost package, if it is in one."""
    top = module.partition(".")[0]
    for folder in (code_folder(), Path.cwd()):
        if folder and Path(folder, top).is_dir():
            return Path(folder, top)
        if folder and Path(folder, f"{top}.py").is_file():
            return Path(folder)
    found = importlib.util.find_spec(top)
    assert found is not None, "its workload was found"
    paths = found.submodule_search_locations
    return Path(paths[0]) if paths else Path(str(found.origin)).parent


def imported_elsewhere(module: str, folder: Path) -> list[tuple[str, Path]]:
    """Return the modules, by name, with their files, that a user's code imports from outside of its ``folder``.

    Imports inside functions count. Python's own modules, installed packages and Paceline do not.
    """
    found: dict[str, Path] = {}
    seen, waiting = set[str](), [module]
    while waiting:
        name = waiting.pop()
        if name in seen or name.partition(".")[0] in sys.stdlib_module_names or (path := _file(name)) is None:
            continue
        seen.add(name)
        if not path.is_relative_to(folder):
            found[name] = path
        waiting += _imports(path, name) if path.suffix == ".py" else ()
        waiting += [name.rpartition(".")[0]] if "." in name else []
    return sorted(found.items())


def _file(name: str) -> Path | None:
    """Return the file of a module of a user's; None of what is installed, is ours, or is not there."""
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, AttributeError, ValueError):  # what stands behind ``from x import`` need be no module
        return None
    if found is None or not found.origin or not found.has_location:
        return None
    path = Path(found.origin).resolve()
    return None if is_installed(path) or any(path.is_relative_to(own) for own in _OURS) else path


def _imports(path: Path, name: str) -> Iterator[str]:
    """Yield the names of what the module in a file imports, those of functions and classes among them."""
    parts = name.split(".")
    yield from (found for found, _ in imported_names(path, parts if path.name == "__init__.py" else parts[:-1]))


def _content(folder: Path) -> bytes:
    """Return the digest of all code below a folder, with the paths in it."""
    digest = hashlib.sha256()
    for path in _sources(folder):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()} {len(content)}\n".encode(errors="surrogateescape"))
        digest.update(content)
    return digest.digest()


def _sources(folder: Path) -> Iterator[Path]:
    """Yield the Python files below a folder, in order, without those of environments and hidden folders."""
    for at, folders, names in os.walk(folder):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and name not in LEFT_OUT and not (Path(at) / name / "pyvenv.cfg").exists()
        )
        yield from (Path(at) / name for name in sorted(names) if name.endswith((".py", ".so", ".pyd")))


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "none"


def _all_versions() -> list[str]:
    return sorted(f"{found.name} {found.version}" for found in metadata.distributions())
