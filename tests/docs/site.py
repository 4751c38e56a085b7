"""The documentation's site, built in a folder of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tests.docs.generate import DOCS
from tests.helpers.paths import ROOT


def build(folder: Path) -> Path:
    """Builds the site in ``folder`` with warnings as errors; returns the folder of its pages."""
    shutil.copytree(DOCS, folder / "docs")
    for name in ("zensical.toml", "CONTRIBUTING.md", "CHANGELOG.md"):
        shutil.copy(ROOT / name, folder)
    done = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--clean", "--strict"],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "site"
