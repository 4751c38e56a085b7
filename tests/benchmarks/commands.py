"""Runs whole commands in fresh folders, and measures their time, output and memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

REPOSITORY = Path(__file__).resolve().parents[2]
DATA_ENV = "PACELINE_BENCH_DATA"
SAMPLE_EVERY_S = 0.5
MIB = 2**20


class CommandFailed(RuntimeError):
    """The command's exit code is not 0, or it printed no JSON; the message holds the end of its output."""


@dataclass(frozen=True)
class Ran:
    """Result of a command: seconds, the JSON on stdout, and peak resident memory in MiB, shared pages included."""

    seconds: float
    document: dict[str, Any]
    driver_mib: float
    lane_mib: float
    """Peak memory of the largest Ray worker; 0 where there is none."""


def data_folder(given: str | None, *needed: str) -> Path:
    """Return the data folder: ``given``, else that in the environment, else the one beside the repository.

    Where a ``needed`` file is missing, prints that nothing is measured and ends the benchmark with 0.
    """
    found = Path(given or os.environ.get(DATA_ENV) or REPOSITORY.parent / "shared" / "data")
    missing = [name for name in needed if not (found / name).exists()]
    if missing:
        print(f"not measured: {', '.join(missing)} not in {found} (set --data or {DATA_ENV})")
        raise SystemExit(0)
    return found


def paceline(spec: Mapping[str, Any]) -> Ran:
    """Run ``paceline run`` on a spec, from a bare shell to its end."""
    command = [sys.executable, "-m", "cluster.cli", "run", "sweep.yaml", "--json", "--quiet"]
    return in_fresh_folder(command, {"sweep.yaml": json.dumps(spec)})


def in_fresh_folder(command: Sequence[str], files: Mapping[str, str], root: Path = REPOSITORY) -> Ran:
    """Run ``command``, by the Paceline in ``root``, in a folder that holds only ``files``. Raises CommandFailed."""
    with tempfile.TemporaryDirectory(prefix="paceline-bench-", ignore_cleanup_errors=True) as folder:
        for name, text in files.items():
            (Path(folder) / name).write_text(text)
        out, errors = Path(folder) / "stdout.txt", Path(folder) / "stderr.txt"
        begun = time.monotonic()
        with out.open("w") as stdout, errors.open("w") as stderr:
            process = psutil.Popen(list(command), cwd=folder, env=_environment(root), stdout=stdout, stderr=stderr)
            driver, lane = _watched(process)
        seconds = time.monotonic() - begun
        if process.returncode != 0:
            said = errors.read_text()[-2000:]
            raise CommandFailed(f"{' '.join(command)} ended with {process.returncode}:\n{said}")
        return Ran(seconds, _last_json(out.read_text()), driver / MIB, lane / MIB)


def _environment(root: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "RAY_ADDRESS"))}
    return {**kept, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(root)}


def _watched(process: psutil.Popen) -> tuple[int, int]:
    """Wait for the process; return the peak resident bytes of it and of the largest Ray worker below it."""
    driver = lane = 0
    while True:
        try:
            driver = max(driver, process.memory_info().rss)
            lane = max([lane, *map(_worker_bytes, process.children(recursive=True))])
            process.wait(SAMPLE_EVERY_S)
        except psutil.TimeoutExpired:
            continue
        except subprocess.TimeoutExpired:
            continue
        except psutil.NoSuchProcess:
            process.wait()
        return driver, lane


def _worker_bytes(process: psutil.Process) -> int:
    try:
        title = " ".join(process.cmdline()[:1])
        return int(process.memory_info().rss) if title.startswith("ray::") else 0
    except psutil.Error:
        return 0


def _last_json(text: str) -> dict[str, Any]:
    """Return the JSON object that is the whole text, or else its last line that is one."""
    for part in (text, *reversed(text.strip().splitlines())):
        try:
            found = json.loads(part)
        except ValueError:
            continue
        if isinstance(found, dict):
            return found
    raise CommandFailed(f"there is no JSON in what it printed:\n{text[-2000:]}")
