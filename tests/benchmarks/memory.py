"""Measures the peak memory of each process of a sweep over a CSV file of 1,000,000 rows and 20 columns.

``python -m tests.benchmarks.memory [ROWS]`` prints two lines of JSON, of a tiny table and of that one: in MB
the file, the matrix, and of the driver, the process that prepares the data, a lane and the champion's process
the largest

- ``peak``: VmHWM, by the kernel: the most pages that were in the process's memory at once;
- ``own``: RssAnon, looked at every 20 ms: pages that no other process has;
- ``shared``: RssShmem: pages of shared memory, such as the data in Ray's object store. It lies there once for all
  processes, and is in the peak of each that has read it.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from tests.benchmarks.commands import paceline
from tests.benchmarks.reading import NUM_ROWS, write

EVERY_S = 0.02
KINDS = {
    "cluster.cli run": "driver",
    "cluster.sweep.data_process": "data",
    "ray::Lane": "lane",
    "ray::ResourceTrainable": "lane",
    "ray::_ChampionActor": "champion",
}
"""Parts of the command lines of the processes that are measured."""
FIELDS = {"VmHWM": "peak", "RssAnon": "own", "RssShmem": "shared"}
Peaks = dict[str, dict[str, float]]


def spec(table: Path) -> dict[str, Any]:
    """Return a sweep of a few short trials on two lanes."""
    return {
        "name": "memory",
        "workload": "mlp",
        "data": {"csv": str(table), "target": "y"},
        "metric": {"name": "val_accuracy"},
        "parameters": {"lr": {"min": 1e-4, "max": 1e-1, "log": True}, "batch_size": 4096},
        "trials": 4,
        "epochs": 1,
        "max_concurrent": 2,
        "final": {"top": 1, "seeds": 2},
    }


def watch(found: Peaks, over: threading.Event) -> None:
    """Note the largest values of each kind among the processes below this one, until it is over."""
    while not over.wait(EVERY_S):
        for process in psutil.Process().children(recursive=True):
            with suppress(OSError, psutil.Error):
                line = " ".join(process.cmdline())
                kind = next((kind for part, kind in KINDS.items() if part in line), "others")
                for name, value in fields(process.pid):
                    found[kind][name] = max(found[kind][name], value)


def fields(pid: int) -> Iterator[tuple[str, float]]:
    """Yield the fields of a process, in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name in FIELDS:
            yield FIELDS[name], int(value.split()[0]) * 1024 / 1e6


def measure(table: Path) -> Peaks:
    """Run the sweep, and return the largest values of each kind of process."""
    found: Peaks = defaultdict(lambda: defaultdict(float))
    over = threading.Event()
    watcher = threading.Thread(target=watch, args=(found, over))
    watcher.start()
    try:
        paceline(spec(table))
    finally:
        over.set()
        watcher.join()
    return found


def main(num_rows: int) -> None:
    """Measure a tiny table, for what the processes take without data, and the large one."""
    for rows in (1000, num_rows):
        with tempfile.TemporaryDirectory() as folder:
            table = Path(folder) / "table.csv"
            write(table, rows)
            sizes = {"rows": rows, "file": table.stat().st_size / 1e6, "matrix": rows * 20 * 8 / 1e6}
            print(json.dumps({**sizes, **measure(table)}), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) == 2 else NUM_ROWS)
