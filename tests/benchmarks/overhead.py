"""Measures the overhead of a trial that trains next to nothing: the slope of the command from 20 to 200 trials.

    python -m tests.benchmarks.overhead [--trials 20 200] [--pairs 5] [--cohorts 32 1]

Prints a Markdown table, then one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
from typing import Any

from tests.benchmarks.commands import Ran, paceline

GOALS_MS = {32: 5.0, 1: 100.0}


def spec(trials: int, cohort: int, lanes: int, seed: int) -> dict[str, Any]:
    """Return a spec whose trials train one epoch of nothing: all tracked, no early stopping, no verdict."""
    return {
        "name": "noop",
        "workload": "tests.benchmarks.noop:NOOP",
        "data": {"name": "wine"},
        "metric": {"name": "val_accuracy"},
        "parameters": {"lr": {"min": 1e-4, "max": 1e-1, "log": True}},
        "trials": trials,
        "epochs": 1,
        "seed": seed,
        "cohort": cohort,
        "max_concurrent": lanes,
        "early_terminate": "none",
        "final": "none",
    }


def measure(options: argparse.Namespace, cohort: int) -> dict[str, Any]:
    """Return the median milliseconds of a further trial, over pairs of a short and a long sweep."""
    pairs: list[tuple[Ran, Ran]] = []
    for pair in range(options.pairs):
        few, many = (paceline(spec(n, cohort, options.lanes, pair)) for n in options.trials)
        assert len(many.document["trials"]) == options.trials[1]
        pairs.append((few, many))
    span = options.trials[1] - options.trials[0]
    slopes = [1000 * (many.seconds - few.seconds) / span for few, many in pairs]
    return {
        "cohort": cohort,
        "ms_per_trial": statistics.median(slopes),
        "all_ms": [round(slope, 2) for slope in slopes],
        "goal_ms": GOALS_MS.get(cohort),
        "seconds": [statistics.median(run.seconds for run in runs) for runs in zip(*pairs, strict=True)],
        "parts": [runs[-1].document["cost"].get("parts", {}) for runs in zip(*pairs, strict=True)],
    }


def main() -> None:
    """Measure as the command line says, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, nargs=2, default=[20, 200])
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--cohorts", type=int, nargs="+", default=[32, 1])
    parser.add_argument("--lanes", type=int, default=2)
    options = parser.parse_args()
    rows = [measure(options, cohort) for cohort in options.cohorts]
    few, many = options.trials
    print(f"| cohorts of | ms a further trial | goal | {few} trials, s | {many} trials, s |")
    print("|---|---|---|---|---|")
    for row in rows:
        short, long = row["seconds"]
        print(f"| {row['cohort']} | {row['ms_per_trial']:.1f} | {row['goal_ms']} | {short:.1f} | {long:.1f} |")
    print(json.dumps({"trials": options.trials, "pairs": options.pairs, "lanes": options.lanes, "rows": rows}))


if __name__ == "__main__":
    main()
