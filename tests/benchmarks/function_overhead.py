"""Measures what a sweep of a user's function takes that reports a constant, beside an earlier version of Paceline.

    python -m tests.benchmarks.function_overhead --base FOLDER [--trials 256] [--pairs 5]

FOLDER is a checkout of the earlier version. Both run in turns. Prints a Markdown table, then one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path
from typing import Any

from tests.benchmarks.commands import REPOSITORY, in_fresh_folder

CODE = '''
def train(run, *, alpha: float = 0.01):
    """A function that trains nothing."""
    for epoch in range(run.epoch, run.num_epochs):
        run.report(val_accuracy=0.5)
'''
MOST_RATIO = 1.1


def spec(trials: int, seed: int) -> dict[str, Any]:
    """Return a spec that the version before functions had data of their own takes, too."""
    return {
        "name": "noop",
        "workload": "mine:train",
        "data": {"name": "wine"},
        "metric": {"name": "val_accuracy", "goal": "maximize"},
        "parameters": {"alpha": {"min": 1e-4, "max": 1e-1, "log": True}},
        "trials": trials,
        "epochs": 1,
        "seed": seed,
        "method": "random",
        "max_concurrent": 2,
        "early_terminate": "none",
        "final": "none",
    }


def seconds(root: Path, trials: int, seed: int) -> float:
    """Return the seconds of the whole command, run by the version in ``root``."""
    command = [sys.executable, "-m", "cluster.cli", "run", "sweep.yaml", "--json", "--quiet"]
    files = {"mine.py": CODE, "sweep.yaml": json.dumps(spec(trials, seed))}
    ran = in_fresh_folder(command, files, root)
    assert len(ran.document["trials"]) == trials
    return ran.seconds


def main() -> None:
    """Measure as the command line says, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--trials", type=int, default=256)
    parser.add_argument("--pairs", type=int, default=5)
    options = parser.parse_args()
    roots, found = (options.base.resolve(), REPOSITORY), [list[float](), list[float]()]
    for pair in range(options.pairs):
        for which in (0, 1) if pair % 2 == 0 else (1, 0):
            found[which].append(seconds(roots[which], options.trials, pair))
    before, now = map(statistics.median, found)
    ratios = [round(new / old, 2) for old, new in zip(*found, strict=True)]
    print("| trials | earlier, s | now, s | ratio | ratios | goal |")
    print("|---|---|---|---|---|---|")
    print(f"| {options.trials} | {before:.2f} | {now:.2f} | {now / before:.2f} | {ratios} | {MOST_RATIO} |")
    print(json.dumps({"trials": options.trials, "seconds": found, "ratios": ratios}))


if __name__ == "__main__":
    main()
