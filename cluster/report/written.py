"""Writes a sweep's report to a file, in one piece: who reads it meanwhile sees the earlier one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from cluster.report.records import Records
from cluster.report.report import page
from cluster.sweep.home import SweepHome
from cluster.sweep.reading import Reading
from tracking.pages.page import Page

FILE: Final = "report.html"
BEGIN: Final = b"<!doctype html>"


def place(home: SweepHome) -> Path:
    """Return where a sweep's report is, unless another file is named."""
    return home.path / FILE


def is_page(path: Path) -> bool:
    """Whether there is nothing at a path that a report must not replace: no file, or a page."""
    if not path.exists():
        return True
    with path.open("rb") as file:
        return file.read(len(BEGIN)) == BEGIN


def write(read: Reading, path: Path, reload_s: float | None = None) -> Page:
    """Draw the report of a sweep as it is, write it, and return it. Raises OSError where that cannot be."""
    drawn = page(Records(read), reload_s)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(drawn.html())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return drawn
