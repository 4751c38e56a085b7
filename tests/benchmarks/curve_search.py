"""Compares searches that stop early on LCBench's learning curves: regret by the number of epochs spent.

    python -m tests.benchmarks.curve_search [--methods tpe random] [--schedules asha none] [--lanes 4] [--seeds 3]

Prints a Markdown table: the mean over tasks and seeds of the normalised regret (1: a random configuration's) that
the incumbent has at its last epoch, after as many epochs as 5, 10, 20 and 40 full trainings have. The incumbent is
the trial with the best value seen so far. A search's first trial is a random point, as the middle of every range is
a head start on these tasks.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import itertools
import time
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from search_spaces.race.search import Search
from search_spaces.race.track import Track
from search_spaces.space.hyperparameters import hyper
from tests.benchmarks.commands import DATA_ENV, data_folder
from tests.benchmarks.curves import ACCURACY, EPOCHS, TASKS, Curves
from tests.helpers.simulate_race import World, simulate

BUDGETS = (5, 10, 20, 40)
"""Numbers of full trainings after which the regret is taken."""
ENOUGH = 100_000
"""Number of trials that no budget allows."""

Job = tuple[Path, str, str, str, int, float, int]


@cache
def _curves(folder: Path, task: str) -> Curves:
    return Curves(folder, task)


class _Spent(Exception):
    """The budget is spent."""


@dataclasses.dataclass
class _Watch:
    """Observer that follows the incumbent, and its regret at each budget."""

    curves: Curves
    num_epochs: int = 0
    best: tuple[float, Track | None] = (-np.inf, None)
    regrets: list[float] = dataclasses.field(default_factory=list)

    def reported(self, track: Track, epoch: int, value: float) -> None:
        self.num_epochs += 1
        if value > self.best[0]:
            self.best = value, track
        if self.num_epochs == BUDGETS[len(self.regrets)] * EPOCHS:
            assert self.best[1] is not None
            self.regrets.append(self.curves.regret(self.best[1].searched))
        if len(self.regrets) == len(BUDGETS):
            raise _Spent

    def moved(self, track: Track) -> None: ...

    def ended(self, track: Track) -> None: ...


def regrets(job: Job) -> list[float]:
    """Return one search's regret at each of ``BUDGETS``."""
    folder, task, method, schedule, lanes, noise, seed = job
    curves = _curves(folder, task)
    watch = _Watch(curves)
    rng = np.random.default_rng([seed, int(task)])
    first = curves.params(rng.random(len(curves.space.domains)))
    noises = rng.normal(0, noise, (997, EPOCHS))
    race = Search(_sweep(curves, method, schedule, seed), _hyperparameters(first), None).race(lanes, (watch,))

    @cache
    def seen(point: frozenset[Any]) -> np.ndarray:
        return curves.curve(dict(point)) + noises[hash(point) % len(noises)] * (noise > 0)

    world = World(lambda params, epoch: float(seen(frozenset(params.items()))[epoch - 1]), num_lanes=lanes)
    with contextlib.suppress(_Spent):
        simulate(race, world)
    return watch.regrets


def _sweep(curves: Curves, method: str, schedule: str, seed: int) -> Any:
    kind, _, eta = schedule.partition(":")
    return SimpleNamespace(
        trials=ENOUGH,
        train_together=1,
        early_terminate=SimpleNamespace(type=kind, parameters={"eta": int(eta)} if eta else {}),
        epochs=EPOCHS,
        method=method,
        space=curves.space,
        metric=SimpleNamespace(name=ACCURACY.name, target=None),
        objective=ACCURACY,
        seed=seed,
        max_retries=0,
        final=None,
        resources=SimpleNamespace(most=1),
        problem="classification",
        start_from=(),
        constants={},
    )


def _hyperparameters(first: Any) -> type:
    fields = [(name, type(value), hyper(value, "a parameter of LCBench")) for name, value in first.items()]
    return dataclasses.make_dataclass("Network", fields, frozen=True, kw_only=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="+", default=["tpe", "random"])
    parser.add_argument("--schedules", nargs="+", default=["asha"], help="a name, or name:eta")
    parser.add_argument("--lanes", nargs="+", type=int, default=[4])
    parser.add_argument("--noise", nargs="+", type=float, default=[0.0], help="points of accuracy")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--tasks", nargs="+", default=list(TASKS))
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--data", help=f"folder that holds lcbench; else ${DATA_ENV}")
    return parser.parse_args()


def main() -> None:
    """Simulate the searches of the command line, and print the table."""
    options = _options()
    folder = data_folder(options.data, "lcbench") / "lcbench"
    ways = list(itertools.product(options.methods, options.schedules, options.lanes, options.noise))
    print("| method | schedule | lanes | noise | " + " | ".join(f"at {n}" for n in BUDGETS) + " | s a search |")
    print("|---" * (5 + len(BUDGETS)) + "|")
    with ProcessPoolExecutor(options.processes) as pool:
        for way in ways:
            begun = time.monotonic()
            jobs: list[Job] = [(folder, t, *way, s) for t in options.tasks for s in range(options.seeds)]
            found = np.array(list(pool.map(regrets, jobs)))
            each = (time.monotonic() - begun) * options.processes / len(jobs)
            print(f"| {' | '.join(map(str, way))} | " + " | ".join(f"{x:.3f}" for x in found.mean(axis=0)), end="")
            print(f" | {each:.1f} |", flush=True)


if __name__ == "__main__":
    main()
