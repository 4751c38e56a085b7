"""Measures what a trial of a script costs that prints one line, beside starting the same from a shell's loop.

    python -m tests.benchmarks.script_overhead [--trials 20 200] [--pairs 3] [--lanes 1 2]

A sweep's cost is the slope from few to many trials. The shell's loops run between the sweeps, one process at a time
for each lane. Prints a Markdown table, then one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from typing import Any

from tests.benchmarks.commands import paceline

PROGRAM = "print('val_acc=0.5')"
MOST_RATIO = 1.15


def spec(trials: int, lanes: int, seed: int) -> dict[str, Any]:
    """Return a spec whose trials print one line."""
    return {
        "name": "script",
        "command": [sys.executable, "-c", PROGRAM],
        "metric": {"name": "val_acc", "goal": "maximize"},
        "parameters": {"lr": {"min": 1e-4, "max": 1e-1, "log": True}},
        "method": "random",
        "trials": trials,
        "seed": seed,
        "max_concurrent": lanes,
    }


def shell_ms(count: int, lanes: int) -> float:
    """Return the milliseconds of one of ``count`` starts, where ``lanes`` shells start them one after the other."""
    loop = 'i=0; while [ $i -lt "$3" ]; do "$1" -c "$2" > /dev/null; i=$((i+1)); done'
    begun = time.perf_counter()
    words = ["sh", "-c", loop, "sh", sys.executable, PROGRAM, str(count // lanes)]
    for process in [subprocess.Popen(words) for _ in range(lanes)]:
        process.wait()
    return 1000 * (time.perf_counter() - begun) / (count // lanes * lanes)


def measure(few: int, many: int, lanes: int, pairs: int) -> dict[str, Any]:
    """Return the medians of a further trial and of a start from a shell, and of the ratio of each pair."""
    sweeps, shells = list[float](), list[float]()
    for pair in range(pairs):
        shells.append(shell_ms(many - few, lanes))
        seconds = [paceline(spec(n, lanes, pair)).seconds for n in (few, many)]
        sweeps.append(1000 * (seconds[1] - seconds[0]) / (many - few))
        shells[-1] = (shells[-1] + shell_ms(many - few, lanes)) / 2
    ratios = [sweep / shell for sweep, shell in zip(sweeps, shells, strict=True)]
    return {
        "lanes": lanes,
        "sweep_ms": statistics.median(sweeps),
        "shell_ms": statistics.median(shells),
        "ratio": statistics.median(ratios),
        "ratios": [round(ratio, 2) for ratio in ratios],
    }


def main() -> None:
    """Measure as the command line says, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, nargs=2, default=[20, 200])
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--lanes", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()
    rows = [measure(*options.trials, lanes, options.pairs) for lanes in options.lanes]
    print("| workers | ms a further trial | ms from a shell | ratio | goal |")
    print("|---|---|---|---|---|")
    for row in rows:
        costs = f"{row['sweep_ms']:.1f} | {row['shell_ms']:.1f} | {row['ratio']:.2f}"
        print(f"| {row['lanes']} | {costs} | {MOST_RATIO} |")
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
