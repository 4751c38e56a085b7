"""The champion's inspection in the sweep's home: the report of the sweep shows it without MLflow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from cluster.sweep.files.kept import write_whole
from tracking.results.report import INSPECTION, read

if TYPE_CHECKING:
    from cluster.sweep.home import SweepHome
    from search_spaces.types.inspection import Inspection

FILE = "champion.json"


def keep(home: SweepHome, files: Mapping[str, bytes], say: Callable[[str], object]) -> None:
    """Write the inspection among the ``files`` of a champion's report into the home; tell why if it cannot be."""
    try:
        write_whole(home.path / FILE, files[INSPECTION].decode())
    except OSError as error:
        say(f"the champion is not in the sweep's report: {error.strerror or error}")


def kept(home: SweepHome) -> Inspection | None:
    """Return what ``keep`` wrote; None where there is no file. Raises ValueError for a damaged one."""
    try:
        content = (home.path / FILE).read_bytes()
    except FileNotFoundError:
        return None
    return read(content)
