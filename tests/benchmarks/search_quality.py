"""Do cohorts cost quality? Regret of the default way of forming them against asking one by one.

    python -m tests.benchmarks.search_quality [--trials 60] [--seeds 10] [--fills 0 0.5 1] [--data FOLDER]

Prints a Markdown table, then one line of JSON. Without the tables it says so and ends with 0.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from search_spaces.rules import Rules
from tests.benchmarks.tables import DATA_ENV, SIGNATURES, Outcome, Table, Way, data_folder, load, search

Job = tuple[Path, str, Way, int, int]
SEED_OFFSET = 1000


@cache
def _table(path: Path) -> Table:
    return load(path)


def _run(job: Job) -> Outcome:
    path, which, way, trials, seed = job
    table = _table(path)
    shapes = SIGNATURES[which][table.family] if which in SIGNATURES else ()
    return search(table, shapes, way, trials, seed)


def ratio(regrets: np.ndarray, base: np.ndarray) -> float:
    """Geometric mean over tables of the ratio of mean regrets; both are (tables, seeds)."""
    floor = 1e-12
    return float(np.exp(np.mean(np.log((regrets.mean(axis=1) + floor) / (base.mean(axis=1) + floor)))))


def interval(regrets: np.ndarray, base: np.ndarray, num_draws: int = 2000) -> tuple[float, float]:
    """95 % bootstrap interval of ``ratio``: seeds are drawn anew within each table, apart for the two sides."""
    random = np.random.default_rng(0)
    rows = np.arange(len(regrets))[:, None]

    def drawn(values: np.ndarray) -> np.ndarray:
        return values[rows, random.integers(values.shape[1], size=values.shape)]

    ratios = [ratio(drawn(regrets), drawn(base)) for _ in range(num_draws)]
    low, high = np.quantile(ratios, [0.025, 0.975])
    return float(low), float(high)


def ways(options: argparse.Namespace) -> list[tuple[str, Way]]:
    """Every (signature, way) to measure; the first is asking one by one, to which all are compared."""
    found = [("none", Way("one by one", 1, 0.0, options.lanes))]
    for which in options.signatures:
        for width in options.widths or [None]:
            for fill in options.fills:
                found.append((which, Way(f"fill {fill:g}, width {width or 'default'}", width, fill, options.lanes)))
    return found


def measure(options: argparse.Namespace, paths: Sequence[Path]) -> list[dict[str, Any]]:
    """One row a way: its regret against one-by-one asking, and how wide its legs were."""
    seeds = range(SEED_OFFSET, SEED_OFFSET + options.seeds)
    plans = ways(options)
    jobs: list[Job] = [(p, which, way, options.trials, s) for which, way in plans for p in paths for s in seeds]
    with ProcessPoolExecutor(options.processes) as pool:
        outcomes = np.array(list(pool.map(_run, jobs, chunksize=options.seeds)), dtype=object)
    grid = outcomes.reshape(len(plans), len(paths), len(seeds))
    regrets = np.vectorize(lambda outcome: outcome.regret, otypes=[float])(grid)
    rows = []
    for (which, way), outcome, regret in zip(plans, grid, regrets, strict=True):
        legs = sum(o.num_legs for o in outcome.flat)
        rows.append(
            {
                "signature": which,
                "way": way.label,
                "fill": way.fill,
                "mean_width": sum(o.num_trials for o in outcome.flat) / legs,
                "ratio": ratio(regret, regrets[0]),
                "ci95": interval(regret, regrets[0]),
                "by_table": {
                    path.stem: ratio(regret[i : i + 1], regrets[0][i : i + 1]) for i, path in enumerate(paths)
                },
            }
        )
    return rows


def markdown(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as a table."""
    names = list(rows[0]["by_table"])
    lines = [
        "| signature | cohorts | mean width | regret / one by one | 95 % | " + " | ".join(names) + " |",
        "|---|---|---|---|---|" + "---|" * len(names),
    ]
    for row in rows:
        low, high = row["ci95"]
        each = " | ".join(f"{value:.2f}" for value in row["by_table"].values())
        start = f"| {row['signature']} | {row['way']} | {row['mean_width']:.1f} | "
        lines.append(start + f"{row['ratio']:.3f} | {low:.2f} to {high:.2f} | {each} |")
    return "\n".join(lines)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--lanes", type=int, default=2)
    parser.add_argument("--fills", type=float, nargs="+", default=[Rules.fill])
    parser.add_argument("--widths", type=int, nargs="+", help="widths of cohorts; the default one unless given")
    parser.add_argument("--signatures", nargs="+", choices=list(SIGNATURES), default=list(SIGNATURES))
    parser.add_argument("--tables", nargs="+", help="names of tables; all unless given")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--data", help=f"folder that holds hpo_tables; else ${DATA_ENV}")
    return parser.parse_args()


def main() -> int:
    """See the module."""
    options = _options()
    folder = data_folder(options.data) / "hpo_tables"
    paths = [p for p in sorted(folder.glob("*.parquet")) if not options.tables or p.stem in options.tables]
    if not paths:
        print(f"search quality is not measured: there are no tables in {folder} (set --data or {DATA_ENV})")
        return 0
    begun = time.monotonic()
    rows = measure(options, paths)
    print(markdown(rows))
    took = time.monotonic() - begun
    print(json.dumps({"trials": options.trials, "seeds": options.seeds, "seconds": round(took, 1), "rows": rows}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
