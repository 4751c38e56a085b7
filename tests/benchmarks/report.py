"""Measures the report of large sweeps, and the commands that read one: seconds, peak memory, size of the page.

    python -m tests.benchmarks.report [--trials 2000] [--epochs 50] [--repeats 3]

The sweeps are made without training: one with early stopping, one in which every trial is trained to its end.
Prints a Markdown table of medians, then one line of JSON. Beside other work CPU seconds tell more than seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.benchmarks.commands import MIB, REPOSITORY

SWEEPS = {"early stopping": (), "all to the end": ("early_terminate={type: none}",)}
COMMANDS = (("report",), ("show",), ("best",), ("ls",))


@dataclass(frozen=True)
class Measured:
    """Medians of a command on a sweep. ``file_mb`` is the size of what it wrote, 0 where it wrote nothing."""

    sweep: str
    command: str
    seconds: float
    cpu_s: float
    peak_mib: float
    file_mb: float

    def __str__(self) -> str:
        size = f"{self.file_mb:.2f}" if self.file_mb else ""
        told = f"{self.seconds:.2f} | {self.cpu_s:.2f} | {self.peak_mib:.0f} | {size}"
        return f"| {self.sweep} | `paceline {self.command}` | {told} |"


def measure(sweep: str, folder: Path, words: Sequence[str], repeats: int) -> Measured:
    """Run a command several times in the folder of a sweep."""
    runs = [_run(folder, words) for _ in range(repeats)]
    seconds, cpu_s, peak = (statistics.median(column) for column in zip(*runs, strict=True))
    written = (
        sum(path.stat().st_size for path in folder.glob(".paceline/*/report.html")) if "report" in words else 0
    )
    return Measured(sweep, " ".join(words), seconds, cpu_s, peak, written / 1e6)


def _run(folder: Path, words: Sequence[str]) -> tuple[float, float, float]:
    """Return seconds, CPU seconds and peak memory in MiB of one run."""
    begun = time.monotonic()
    order = [sys.executable, "-m", "cluster.cli", *words]
    process = subprocess.Popen(order, cwd=folder, env=_environment(), stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"{words} ended with {status}")
    return time.monotonic() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / MIB


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    return {**kept, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)}


def main() -> None:
    """Make the sweeps and measure every command on each."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("trials", 2000), ("epochs", 50), ("repeats", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    found = []
    for sweep, overrides in SWEEPS.items():
        with tempfile.TemporaryDirectory(prefix="paceline-bench-") as folder:
            maker = [sys.executable, "-m", "tests.helpers.large_sweep", f"trials={given.trials}"]
            subprocess.run(
                [*maker, f"epochs={given.epochs}", *overrides], cwd=folder, env=_environment(), check=True
            )
            found += [measure(sweep, Path(folder), words, given.repeats) for words in COMMANDS]
    print("| sweep | command | seconds | CPU s | peak MiB | page, MB |\n|---|---|---|---|---|---|")
    print(*found, sep="\n")
    print(json.dumps([asdict(one) for one in found]))


if __name__ == "__main__":
    main()
