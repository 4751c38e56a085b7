"""What is left of a Ray that did not start: what it said, and processes to end."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil

LOGS = ("raylet.err", "gcs_server.err")
"""Logs in which Ray's servers write why they end."""
SAID = re.compile(r"^\[.* [CEF] \d+ \d+\] \(\w+\) \S+:\d+: +(?:.*Check failed: (?:\S+\(\) )?)?(.+)$", re.MULTILINE)
"""A line of a log that tells an error, with the error in group 1."""
END_S = 10.0


class NodeDied(Exception):
    """Error: a process of Ray's node has ended while Ray starts."""

    def __init__(self, name: str, code: int) -> None:
        how = f"exit code {code}" if code >= 0 else signal.Signals(-code).name
        super().__init__(f"{name} ended with {how}")


def cleared(error: BaseException) -> str:
    """End the processes of the Ray that this process could not start, and return what it said of the cause."""
    found = dict(_processes())
    for process in found:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(found, timeout=END_S)
    said = [words for folder in set(found.values()) if (words := _last_words(folder / "logs"))]
    return ": ".join(dict.fromkeys([str(error).strip().partition("\n")[0], *said]))


def _processes() -> Iterator[tuple[psutil.Process, Path]]:
    """Yield each process of this process's Ray, and its session's folder, which is named by this process's ID."""
    folder = re.compile(rf"(/[^=]*/session_[\d-]+_[\d-]+_\d+_{os.getpid()})(?:/|\s|$)")
    for process in psutil.process_iter(["cmdline"]):
        place = next(filter(None, map(folder.search, process.info["cmdline"] or ())), None)
        if place is not None:
            yield process, Path(place[1])


def _last_words(logs: Path) -> str | None:
    """Return the last error that Ray's servers wrote, without what Ray adds to it; None where there is none."""
    for path in (logs / name for name in LOGS):
        if path.exists() and (told := SAID.findall(path.read_text(errors="replace"))):
            return str(told[-1]).strip()
    return None
