"""Reads what trials printed, whole or as it comes, from their logs below a sweep's home."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from search_spaces.types.encodable import encodable
from search_spaces.types.faults import shown
from search_spaces.types.trial_names import trial_name

if TYPE_CHECKING:
    from cluster.sweep.home import SweepHome

POLL_S = 0.2
PIECE = 2**20
"""Bytes of a log that are read at once."""
_TRIAL = re.compile(r"t?0*(\d{1,9})")


@dataclass
class _Reading:
    """How far one file is read: ``at`` bytes, and the beginning of a line that was not whole yet."""

    at: int = 0
    rest: bytes = b""

    def lines(self, path: Path) -> Iterator[str]:
        """Yield the whole lines that are new; behind where it was, if the log was shortened meanwhile."""
        with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(min(self.at, size))
            while piece := file.read(PIECE):
                *lines, self.rest = (self.rest + piece).split(b"\n")
                yield from map(_text, lines)
            self.at = file.tell()


def _text(line: bytes) -> str:
    """Return a line as a terminal shows it: of a progress bar that was drawn over and over, the last state."""
    return encodable(line.decode("utf-8", "replace").rstrip("\r").rpartition("\r")[2])


def trial_number(text: str) -> int:
    """Return the number of the trial that is named ``t003`` or ``3``. Raises LookupError."""
    if (found := _TRIAL.fullmatch(text)) is None:
        raise LookupError(f"{shown(text)} is no trial: write t007, or 7")
    return int(found[1])


def printed(home: SweepHome, trial: int | None = None, follow: bool = False) -> Iterator[str]:
    """Yield the lines that trials printed, of one or of all; with ``follow`` until the sweep ends.

    Lines of all trials begin with the trial's name, and those of a group's further workers with their rank. Raises
    LookupError where there is nothing, and no more can come.
    """
    known: dict[Path, _Reading] = {}
    while True:
        ended = home.driver_pid() is None  # before reading, so that the last lines are read, too
        for prefix, path in _files(home, trial):
            for line in known.setdefault(path, _Reading()).lines(path):
                yield f"{prefix}{line}"
        if ended or not follow:
            break
        time.sleep(POLL_S)
    if not known:
        raise LookupError(_nothing(home, trial))
    for prefix, path in _files(home, trial):
        if path in known and known[path].rest:
            yield f"{prefix}{_text(known[path].rest)}"


def _files(home: SweepHome, trial: int | None) -> Iterator[tuple[str, Path]]:
    for number in trials_of(home.logs) if trial is None else [trial]:
        for rank, path in files_of(home.logs, number):
            words = [*([trial_name(number)] if trial is None else []), *([f"rank {rank}"] if rank else [])]
            yield f"{' '.join(words)} | " if words else "", path


def _nothing(home: SweepHome, trial: int | None) -> str:
    if trials := trials_of(home.logs):
        known = ", ".join(map(trial_name, trials[:20]))
        return f"sweep {home.id} has no log of {trial_name(trial or 0)}; there are {known}"
    if ":" not in home.sweep().workload and home.sweep().workload != "script":
        return f"sweep {home.id} has no logs: its workload {home.sweep().workload} prints nothing"
    return f"sweep {home.id} has no logs of trials yet"


def trials_of(folder: str | Path) -> list[int]:
    """Return the numbers of the trials that have a log, in order."""
    names = (re.fullmatch(r"t(\d+)\.log", path.name) for path in Path(folder).glob("t*.log"))
    return sorted(int(name[1]) for name in names if name)


def files_of(folder: str | Path, trial: int) -> Iterator[tuple[int, Path]]:
    """Yield the rank and the file of each worker that a trial's log has, rank 0 first."""
    name = trial_name(trial)
    found = [
        (re.fullmatch(rf"{name}(?:-rank(\d+))?\.log", path.name), path) for path in Path(folder).glob("t*.log")
    ]
    yield from sorted((int(match[1] or 0), path) for match, path in found if match)
