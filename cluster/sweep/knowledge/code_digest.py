"""A digest of the code that trains a sweep's trials: equal digests mean equal code, as far as files tell."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Final

import search_spaces
import workloads

LIBRARIES: Final = ("torch", "torchvision", "numpy", "scipy", "scikit-learn", "pandas", "pyarrow", "pillow")
"""Packages on whose version the numbers of our own workloads depend."""
LEFT_OUT: Final = ("__pycache__", "node_modules", "site-packages", "mlruns", "mlartifacts")
"""Folders that hold no code of a user's."""


def code_digest(workload: str) -> str:
    """Return the digest of Paceline's workloads, of the libraries below them and of a user's own code.

    Of own code all Python files in its package's folder count, or in the folder of its module, and the versions of
    all installed packages.
    """
    digest = hashlib.sha256(f"{sys.version_info[:2]} {workload}\n".encode())
    for package in (workloads, search_spaces):
        digest.update(_content(Path(str(package.__file__)).parent))
    module, own, _ = workload.partition(":")
    if own:
        digest.update(_content(_folder(module)))
    versions = _all_versions() if own else (f"{name} {_version(name)}" for name in LIBRARIES)
    digest.update("\n".join(versions).encode())
    return digest.hexdigest()


def _folder(module: str) -> Path:
    """Return the folder of a user's imported module: that of its outermost package, if it is in one."""
    found = sys.modules[module.partition(".")[0]]
    paths = list(getattr(found, "__path__", ()))
    return Path(paths[0]) if paths else Path(str(found.__file__)).parent


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
