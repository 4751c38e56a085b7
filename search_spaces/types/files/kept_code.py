"""Names of workloads whose code a sweep's home keeps, as that of a notebook: ``HOME/workload.pkl:NAME``."""

from __future__ import annotations

from pathlib import Path
from typing import Final

FILE: Final = "workload.pkl"
"""File of a sweep's home."""


def kept_file(name: str) -> Path | None:
    """Return the file that keeps the code of a workload of this name; None for others, which are of a module."""
    path = Path(name.rpartition(":")[0])
    return path if path.name == FILE and path.is_absolute() else None


def is_kept(name: str) -> bool:
    """Whether the workload of this name is in a file of kept code."""
    return kept_file(name) is not None


def name_shown(name: str) -> str:
    """Return a workload's name for people: of kept code without the file, which each sweep has of its own."""
    return name.rpartition(":")[2] if is_kept(name) else name
