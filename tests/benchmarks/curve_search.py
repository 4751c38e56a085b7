"""Compares searches that stop early on LCBench's learning curves: regret by the number of epochs spent.

    python -m tests.benchmarks.curve_search [--methods auto/asha optuna-tpe] [--lanes 4] [--noise 0 1] [--seeds 5]
        [--out FILE] [--syne-python PYTHON]

A method is a sampler and a schedule of ours, or a peer (``tests.benchmarks.search_methods``). Prints a Markdown
table: the mean over tasks and seeds of the normalised regret (1: a random configuration's) that the incumbent has
at its last epoch, after as many epochs as 5, 10, 20 and 40 full trainings have. The incumbent is what the method
recommends, else the trial with the best value seen so far. A search's first trial is a random point, the same
for all methods, as the middle of every range is a head start on these tasks. ``--out`` keeps a line of JSON a
search; those that it has are not run again, and ``--methods`` of none prints what it holds.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterable
from contextlib import closing, nullcontext
from dataclasses import asdict
from functools import cache, partial
from pathlib import Path

import numpy as np

from tests.benchmarks.ablations import without
from tests.benchmarks.commands import DATA_ENV, data_folder
from tests.benchmarks.curve_clock import BUDGETS, problem, run
from tests.benchmarks.curves import TASKS, Curves
from tests.benchmarks.search_methods import PEERS, SyneTune, method
from tests.benchmarks.search_rows import Job, Row, measured


@cache
def _curves(folder: Path, task: str) -> Curves:
    return Curves(folder, task)


def search(folder: Path, syne_python: Path | None, job: Job) -> Row:
    """Run a search and return its row of the file."""
    curves = _curves(folder, job["task"])
    of = problem(curves, job["seed"], job["lanes"])
    with without(job["method"]) as name:
        searching = method(name, of, syne_python)
        with closing(searching) if isinstance(searching, SyneTune) else nullcontext():
            return {**job, **asdict(run(curves, searching, of, job["noise"]))}


def markdown(rows: Iterable[Row]) -> str:
    """Return the table of the rows, a line for each number of lanes, noise and method.

    Below each group is the ratio of ``auto/asha`` to the lowest mean of any peer.
    """
    groups: dict[tuple[int, float], dict[str, list[Row]]] = {}
    for row in rows:
        groups.setdefault((row["lanes"], row["noise"]), {}).setdefault(row["method"], []).append(row)
    budgets = " | ".join(f"at {n}" for n in BUDGETS)
    lines = [f"| lanes | noise | method | {budgets} | trials | use of lanes | CPU s | searches |"]
    lines.append("|---" * (7 + len(BUDGETS)) + "|")
    for (lanes, noise), methods in groups.items():
        for name, found in methods.items():
            means = [np.mean([row[key] for row in found]) for key in ("num_trials", "lane_use", "cpu_s")]
            cells = [
                *(f"{x:.3f}" for x in _regrets(found)),
                f"{means[0]:.0f}",
                f"{means[1]:.3f}",
                f"{means[2]:.1f}",
            ]
            lines.append(f"| {lanes} | {noise:g} | `{name}` | {' | '.join(cells)} | {len(found)} |")
        peers = {name: _regrets(found) for name, found in methods.items() if name.startswith(PEERS)}
        if peers and "auto/asha" in methods:
            lowest = np.min(list(peers.values()), axis=0)
            cells = [f"{x:.2f}" for x in _regrets(methods["auto/asha"]) / lowest]
            lines.append(f"| {lanes} | {noise:g} | `auto/asha` / best peer | {' | '.join(cells)} | | | | |")
    return "\n".join(lines)


def _regrets(rows: Iterable[Row]) -> np.ndarray:
    return np.mean([row["regrets"] for row in rows], axis=0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="*", default=["auto/asha", "tpe/asha", "random/asha"])
    parser.add_argument("--lanes", nargs="+", type=int, default=[4])
    parser.add_argument("--noise", nargs="+", type=float, default=[0.0], help="points of accuracy")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--tasks", nargs="+", default=list(TASKS))
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", type=Path, help="file of a line of JSON a search, which is added to")
    parser.add_argument("--syne-python", type=Path, help="interpreter of an environment that has Syne Tune")
    parser.add_argument("--data", help=f"folder that holds lcbench; else ${DATA_ENV}")
    return parser.parse_args()


def main() -> None:
    """Simulate the searches of the command line, and print the table."""
    options = _options()
    folder = data_folder(options.data, "lcbench") / "lcbench"
    seeds = range(options.seeds)
    places = itertools.product(options.lanes, options.noise, options.methods, seeds, options.tasks)
    names = ("lanes", "noise", "method", "seed", "task")
    jobs = [dict(zip(names, place, strict=True)) for place in places]
    rows = measured(jobs, partial(search, folder, options.syne_python), options.out, options.processes)
    print(markdown(rows))


if __name__ == "__main__":
    main()
