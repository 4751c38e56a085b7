"""Compares the regret of searches whose trials are sampled in cohorts with that of sampling one by one.

    python -m tests.benchmarks.search_quality [--trials 60] [--seeds 10] [--fills 0 0.5 1] [--data FOLDER]

Prints a Markdown table, then one line of JSON. "geometric mean" is over tables and seeds, of regret plus the
table's noise; "of means" compares the mean regret of each table. "one program": a leg's members are trained at
once, in the time of one; "nothing gained": one after the other, for much longer than it costs to hand out a leg.
Without the tables it says so and ends with 0.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from search_spaces.race.contract import Rules
from tests.benchmarks.commands import DATA_ENV, data_folder
from tests.benchmarks.tables import SIGNATURES, Outcome, Table, Way, load, search

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


Ratio = Callable[[np.ndarray, np.ndarray], float]


def of_means(regrets: np.ndarray, base: np.ndarray) -> float:
    """Return the geometric mean over tables of the ratio of mean regrets; both are (tables, seeds).

    A single bad seed can decide it.
    """
    floor = 1e-12
    return float(np.exp(np.mean(np.log((regrets.mean(axis=1) + floor) / (base.mean(axis=1) + floor)))))


def geometric(regrets: np.ndarray, base: np.ndarray) -> float:
    """Return the ratio of the geometric means over tables and seeds; both are (tables, seeds), all above 0."""
    return float(np.exp(np.log(regrets).mean() - np.log(base).mean()))


def interval(ratio: Ratio, regrets: np.ndarray, base: np.ndarray, num_draws: int = 2000) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of ``ratio``; seeds are drawn within each table, apart for each side."""
    random = np.random.default_rng(0)
    rows = np.arange(len(regrets))[:, None]

    def drawn(values: np.ndarray) -> np.ndarray:
        return values[rows, random.integers(values.shape[1], size=values.shape)]

    ratios = [ratio(drawn(regrets), drawn(base)) for _ in range(num_draws)]
    low, high = np.quantile(ratios, [0.025, 0.975])
    return float(low), float(high)


def ways(options: argparse.Namespace) -> list[tuple[str, Way]]:
    """Return every (signature, way) to measure; the first, one by one, is what all are compared with."""
    found = [("none", Way("one by one", 1, 0.0, options.lanes))]
    each = itertools.product(options.signatures, options.widths or [None], options.fills, (False, True))
    for which, width, fill, fused in each:
        label = f"fill {fill:g}, width {width or 'default'}, {'one program' if fused else 'nothing gained'}"
        found.append((which, Way(label, width, fill, options.lanes, fused)))
    return found


def measure(options: argparse.Namespace, paths: Sequence[Path]) -> list[dict[str, Any]]:
    """Return a row for each way: its regret compared with one by one, and the mean width of its legs."""
    first = SEED_OFFSET + options.first_seed
    seeds = range(first, first + options.seeds)
    plans = ways(options)
    jobs: list[Job] = [(p, which, way, options.trials, s) for which, way in plans for p in paths for s in seeds]
    with ProcessPoolExecutor(options.processes) as pool:
        outcomes = np.array(list(pool.map(_run, jobs, chunksize=options.seeds)), dtype=object)
    grid = outcomes.reshape(len(plans), len(paths), len(seeds))
    regrets = np.vectorize(lambda outcome: outcome.regret, otypes=[float])(grid)
    floors = np.array([_table(path).noise for path in paths])[:, None]
    names = [path.stem for path in paths]
    return [
        {"signature": which, "way": way.label, "fill": way.fill, **_row(found, regret, regrets[0], floors, names)}
        for (which, way), found, regret in zip(plans, grid, regrets, strict=True)
    ]


def _row(
    found: np.ndarray, regrets: np.ndarray, base: np.ndarray, floors: np.ndarray, names: Sequence[str]
) -> dict[str, Any]:
    floored, base_floored = regrets + floors, base + floors
    return {
        "mean_width": sum(o.num_trials for o in found.flat) / sum(o.num_legs for o in found.flat),
        "geometric": geometric(floored, base_floored),
        "geometric_ci95": interval(geometric, floored, base_floored),
        "of_means": of_means(regrets, base),
        "of_means_ci95": interval(of_means, regrets, base),
        "by_table": {n: geometric(floored[i], base_floored[i]) for i, n in enumerate(names)},
    }


def markdown(rows: Sequence[dict[str, Any]]) -> str:
    """Return the rows as a Markdown table."""
    names = list(rows[0]["by_table"])
    lines = [
        " | ".join(["| signature | cohorts | mean width | geometric mean | 95 % | of means | 95 %", *names]) + " |",
        "|---|---|---|---|---|---|---|" + "---|" * len(names),
    ]
    for row in rows:
        each = " | ".join(f"{value:.2f}" for value in row["by_table"].values())
        start = f"| {row['signature']} | {row['way']} | {row['mean_width']:.1f} | "
        ratios = [f"{row[key]:.2f} | {_range(row[key + '_ci95'])}" for key in ("geometric", "of_means")]
        lines.append(start + " | ".join(ratios) + f" | {each} |")
    return "\n".join(lines)


def _range(ends: tuple[float, float]) -> str:
    return f"{ends[0]:.2f} to {ends[1]:.2f}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=0, help="choose on other seeds than are reported")
    parser.add_argument("--lanes", type=int, default=2)
    parser.add_argument("--fills", type=float, nargs="+", default=[Rules.fill])
    parser.add_argument("--widths", type=int, nargs="+", help="widths of cohorts; the default one unless given")
    parser.add_argument("--signatures", nargs="+", choices=list(SIGNATURES), default=list(SIGNATURES))
    parser.add_argument("--tables", nargs="+", help="names of tables; all unless given")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--data", help=f"folder that holds hpo_tables; else ${DATA_ENV}")
    return parser.parse_args()


def main() -> None:
    """Simulate the searches of the command line, and print the table."""
    options = _options()
    folder = data_folder(options.data, "hpo_tables") / "hpo_tables"
    paths = [p for p in sorted(folder.glob("*.parquet")) if not options.tables or p.stem in options.tables]
    begun = time.monotonic()
    rows = measure(options, paths)
    print(markdown(rows))
    took = time.monotonic() - begun
    print(json.dumps({"trials": options.trials, "seeds": options.seeds, "seconds": round(took, 1), "rows": rows}))


if __name__ == "__main__":
    main()
