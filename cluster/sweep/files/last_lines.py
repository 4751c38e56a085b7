"""Reads the last lines that a trial printed, for the reason of its failure."""

from __future__ import annotations

import itertools
import os
import re
from pathlib import Path

from search_spaces.types.errors.whose_code import is_users
from workloads.models.custom.trial_log import MARK, RAISED

LOOKED_AT_BYTES = 64 * 1024
"""Largest part of a log's end that is looked at."""
FRAME = re.compile(r'  File "(.+)", line \d+ in ')
CRASH = re.compile(r"Extension modules: |\[.+\] logging\.cc:|(PC: |    )@ +0x")
SHOWN_LINES, SHOWN_BYTES = 15, 4096
"""Largest part of the output that a failure's reason shows."""


def last_lines(path: Path) -> str:
    """Return the last lines that the latest attempt printed; empty where it printed nothing or there is no log."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - LOOKED_AT_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    lines: list[str] = []
    for line in reversed(text.splitlines()):
        if MARK.fullmatch(line):
            break
        lines = [] if line == RAISED else [*lines, line] if _is_worth(line) else lines
    shown = "\n".join(_once(list(reversed(lines)))[-SHOWN_LINES:]).strip("\n")
    return shown if len(shown) <= SHOWN_BYTES else f"... {shown[-SHOWN_BYTES:]}"


def _is_worth(line: str) -> bool:
    """Whether a line is not one of the many that a process that crashes tells of Python, Ray and Paceline."""
    frame = FRAME.match(line)
    return is_users(frame[1]) if frame else not CRASH.match(line)


def _once(lines: list[str]) -> list[str]:
    """Return the lines with equal ones in a row as one, and how many there were."""
    groups = ((line, len(list(found))) for line, found in itertools.groupby(lines))
    told = ([line] if count == 1 else [line, f"({count:,} such lines)"] for line, count in groups)
    return [*itertools.chain.from_iterable(told)]
