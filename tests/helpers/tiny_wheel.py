"""Wheels of one module, which pip installs without a network."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

HERE_ALONE = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": "/dev/null"}
"""Environment in which pip asks no index."""


def tiny_wheel(folder: Path, name: str, code: str, needs: Sequence[str] = ()) -> str:
    """Write the wheel of the module ``name`` into ``folder``; return its file's name."""
    about = f"{name}-1.0.dist-info"
    needed = "".join(f"Requires-Dist: {each}\n" for each in needs)
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", code)
        wheel.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needed}")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", "")
    return f"{name}-1.0-py3-none-any.whl"
