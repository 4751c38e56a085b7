"""The final evaluation of a script: whether there can be one, and why a sweep over a script has ended without."""

from __future__ import annotations

import re
from collections.abc import Collection
from itertools import chain, islice
from pathlib import Path
from typing import Final

from search_spaces.criteria.metric_names import is_of_test, on_test
from search_spaces.spec.keys.command import Command

HOW: Final = "at its last epoch, where PACELINE_PURPOSE is final"
"""When a script is to report its test metric."""
ASKED: Final = "final: {top: 3, seeds: 5}"
_MOST_FILES: Final = 200
"""Number of a folder's Python files beyond which none is read: the script may report anything."""
_MOST_BYTES: Final = 2**20
_TEST: Final = re.compile(rb"test", re.IGNORECASE)


def unjudged(
    program: str | None, metric: str | None, folder: Path | None, pattern: str | None = None
) -> str | None:
    """Return why a script can have no final evaluation, and what to write; None where it may have one.

    A Python program has none where no Python file of its folder, and of the folders in it, says anything of a test;
    nor has one whose metrics a ``pattern`` finds, each by a group of its own, without one for the test metric.
    ``folder`` is the spec's.
    """
    if metric is not None and is_of_test(metric):
        why = f"must be none: the search chooses by {metric}, and what has chosen cannot judge"
        return f"{why}: choose by a metric of a validation split, and have the script report that of the test split"
    groups = re.compile(pattern).groupindex.keys() if pattern else set[str]()
    if metric is not None and groups and "name" not in groups and on_test(metric) not in groups:
        return f"must be none: metrics.pattern finds no {on_test(metric)}, which needs a group of this name"
    if folder is None or program is None or not program.endswith(".py") or _says_test(folder / program):
        return None
    tested = on_test(metric) if metric else "its test metric"
    return f"must be none: no file of {program} says test, and it must report {tested} {HOW}"


def _says_test(program: Path) -> bool:
    folder = program.parent  # of deeper ones there may be millions, as of images
    files = list(islice(chain([program], folder.glob("*.py"), folder.glob("*/*.py")), _MOST_FILES + 1))
    return len(files) > _MOST_FILES or any(_TEST.search(_read(path)) for path in files)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES)
    except OSError:
        return b"test"  # nobody knows


def without_verdict(command: Command, metric: str, reported: Collection[str], sweep: str) -> str:
    """Return why a sweep over a script without ``final`` has no verdict, and what gives it one.

    ``reported`` are the metrics of a test split that its trials have reported; ``sweep`` is its ID.
    """
    if is_of_test(metric):
        why = f"the search chose by {metric} itself, so nothing is left to judge by"
        return f"{why}: choose by a metric of a validation split"
    gives = f"`{ASKED}` in the sweep file trains the best again with new seeds"
    if (tested := on_test(metric)) in reported:
        edit = f"`paceline edit {sweep} 'final={{top: 3}}'` and `paceline resume {sweep}` do it now"
        return f"none is asked for; {gives}, and judges them by {tested}, which {command.title} reports: {edit}"
    return f"{command.title} reports no {tested}; once it does {HOW}, {gives} and judges them by it"
