"""Measures how long a CSV file takes until it is ready to train, beside pandas' reading of it, and its memory.

``python -m tests.benchmarks.reading [ROWS] [COLUMNS]``, by default 1,000,000 and 20, prints a line of JSON:
seconds, the median of ROUNDS of each way, in turns and in processes of their own that have done it once with a tiny
file, and the peak memory of the process over what it had before, by the size of the file.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROUNDS = 5
NUM_ROWS = 1_000_000
NUM_COLUMNS = 20
WAYS = ("pandas", "read", "table", "ready")
"""pandas with the engine pyarrow; our DataFrame of columns of one type; the matrix and its columns' kinds; all that
a sweep's trials and card need: splits, copies, leaks, statistics, digest."""


def write(path: Path, num_rows: int, num_columns: int = NUM_COLUMNS) -> None:
    """Write columns of numbers with all digits, 2 of whole numbers, one of words, and a class."""
    import pyarrow as pa
    from pyarrow import csv

    rng = np.random.default_rng(0)
    columns = {f"x{k}": rng.normal(size=num_rows) for k in range(num_columns - 4)}
    columns |= {f"n{k}": rng.integers(0, 1000, num_rows) for k in range(2)}
    columns["colour"] = rng.choice(["red", "green", "blue"], num_rows)
    columns["y"] = rng.integers(0, 2, num_rows)
    csv.write_csv(pa.table(columns), path, csv.WriteOptions(quoting_style="none"))


def measure(way: str, path: str) -> dict[str, float]:
    """Return seconds and peak memory in bytes of one reading, without what the imports take."""
    with tempfile.TemporaryDirectory() as folder:
        tiny = Path(folder) / "tiny.csv"
        write(tiny, 1000)
        read(way, str(tiny))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun, cpu = time.perf_counter(), time.process_time()
    read(way, path)
    seconds = {"seconds": time.perf_counter() - begun, "cpu_seconds": time.process_time() - cpu}
    return {**seconds, "bytes": 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)}


def read(way: str, path: str) -> None:
    """Read a file in one of the WAYS."""
    import pandas as pd

    from search_spaces.spec.data import Data
    from workloads.data.prepare import prepare
    from workloads.data.sources.tables import read_frame, read_table

    data = Data(csv=path, target="y")
    if way == "pandas":
        pd.read_csv(path, engine="pyarrow")
    elif way == "read":
        read_frame(path, data)
    elif way == "table":
        read_table(path, data)
    else:
        prepare(data)


def main(num_rows: int, num_columns: int) -> None:
    """Measure each way in turns, and print the medians."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        write(path, num_rows, num_columns)
        found: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
        for _ in range(ROUNDS):
            for way in WAYS:
                order = [sys.executable, "-m", "tests.benchmarks.reading", way, str(path)]
                found[way].append(json.loads(subprocess.run(order, check=True, capture_output=True).stdout))
        size = path.stat().st_size
    told: dict[str, object] = {"file_mb": round(size / 1e6)}
    for way, rounds in found.items():
        medians = {key: statistics.median(each[key] for each in rounds) for key in ("seconds", "cpu_seconds")}
        largest = max(each["bytes"] for each in rounds) / size
        told[way] = {key: round(value, 2) for key, value in {**medians, "memory": largest}.items()}
    print(json.dumps(told))


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in WAYS:
        print(json.dumps(measure(*sys.argv[1:])))
    else:
        main(*map(int, [*sys.argv[1:], *(NUM_ROWS, NUM_COLUMNS)[len(sys.argv) - 1 :]]))
