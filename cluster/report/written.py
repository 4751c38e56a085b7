"""Writes a sweep's report to a file, in one piece: who reads it meanwhile sees the earlier one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from cluster.report.records import Records
from cluster.report.report import Drawn, page
from cluster.sweep.home import SweepHome
from cluster.sweep.reading import Reading

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


def write(read: Reading, path: Path, reload_s: float | None = None) -> Drawn:
    """Draw the report of a sweep as it is, write it, and return it. Raises OSError where that cannot be."""
    drawn = page(Records(read), reload_s)
    put(drawn.page.html(), path)
    return drawn


def put(content: bytes, path: Path) -> None:
    """Write a page. Raises OSError where that cannot be."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
