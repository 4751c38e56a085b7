"""Modules of a user's that have the names of Python's own and of installed ones, and end whoever imports them."""

from __future__ import annotations

from pathlib import Path

NAMES = (
    "calendar",
    "inspect",
    "numbers",
    "random",
    "secrets",
    "click",
    "pandas",
    "torch",
    "ray",
    "mlflow",
    "tracking",
)


def spoil(folder: Path) -> None:
    """Write the modules into a working folder."""
    for name in NAMES:
        (folder / f"{name}.py").write_text(f"raise RuntimeError('the {name} of the working folder')\n")
