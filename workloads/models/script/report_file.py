"""Reads what a script reports by ``workloads.report`` or ``wandb``: a file with one line of JSON a report."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from workloads.models.script.epochs import Report
from workloads.models.script.printed import as_number


class Tail:
    """Reads the whole lines that are appended to a file."""

    def __init__(self, path: Path) -> None:
        self.path, self._read, self._rest = path, 0, b""

    def lines(self) -> list[bytes]:
        """Return the lines since the last call; none where there is no file yet."""
        try:
            if self.path.stat().st_size == self._read:
                return []
            with self.path.open("rb") as file:
                file.seek(self._read)
                new = file.read()
        except FileNotFoundError:
            return []
        self._read += len(new)
        *whole, self._rest = (self._rest + new).split(b"\n")
        return whole


class ReportFile:
    """Reports in the file ``PACELINE_REPORTS``."""

    def __init__(self, path: Path) -> None:
        self.path, self._tail = path, Tail(path)
        self.names: dict[str, None] = {}
        self.summary: dict[str, float] = {}
        """Values of the whole run."""
        self.artifacts: list[tuple[str, Path]] = []
        """Files and folders to keep: the path among the run's artifacts, and where each is."""

    def new(self) -> list[Report]:
        """Return the reports since the last call. A line that is none is passed over."""
        return [report for line in self._tail.lines() for report in self._reports(line)]

    def _reports(self, line: bytes) -> Iterator[Report]:
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            return
        if not isinstance(found, dict):
            return
        named: Any = found.get("artifacts")
        if isinstance(named, Mapping):
            self.artifacts += [(str(name), Path(str(path))) for name, path in named.items()]
        given: Any = found.get("metrics")
        pairs = (
            ((str(name), as_number(value)) for name, value in given.items()) if isinstance(given, Mapping) else ()
        )
        metrics = {name: number for name, number in pairs if number is not None}
        self.names |= dict.fromkeys(metrics)
        if found.get("summary") is True:
            self.summary |= metrics
        elif metrics:
            yield Report(metrics, as_number(found.get("step")), counted=found.get("counted") is True)
