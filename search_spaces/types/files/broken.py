"""Keeps damaged files as they were, each under a name of its own, before they are mended."""

from __future__ import annotations

import filecmp
import os
import shutil
from pathlib import Path


def keep_broken(path: Path) -> Path:
    """Copy the file to ``NAME.broken``, or to ``NAME.broken.2`` and so on where there are others; return the copy.

    Only one process at a time may call this for a file.
    """
    kept, count = path.with_name(f"{path.name}.broken"), 1
    while kept.exists() and not filecmp.cmp(path, kept, shallow=False):
        count += 1
        kept = path.with_name(f"{path.name}.broken.{count}")
    if not kept.exists():
        temporary = path.with_name(f".{path.name}.{os.getpid()}")  # a process that is killed leaves no half of it
        shutil.copyfile(path, temporary)
        temporary.replace(kept)
    return kept
