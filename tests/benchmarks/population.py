"""Population based training on two problems that no constant solves: random changes against PB2's choices.

    python -m tests.benchmarks.population [--seeds 100 120]

Prints the table of RESULTS.md. PB2's prior was chosen on the first problem with the seeds 0 to 9.
"""

from __future__ import annotations

import argparse
import itertools
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean

from search_spaces.race.search import Search
from search_spaces.simulation.clock import World, simulate
from search_spaces.space.domains import Uniform
from search_spaces.space.hyperparameters import hyper
from search_spaces.space.space import Space
from search_spaces.types.values import Params
from tests.helpers.toy_race import Toy, curve, toy_sweep
from tests.search_spaces.schedules.test_pbt import learn

EPOCHS = 30


@dataclass(frozen=True, kw_only=True)
class Two:
    """Hyperparameters of the second problem."""

    lr: float = hyper(0.1, "a rate")
    dropout: float = hyper(0.0, "a share")


@dataclass(frozen=True)
class Problem:
    """A way to ``learn``, its space, and where one member of the population begins, so that it learns at all."""

    hyperparameters: type
    learn: Callable[[Params, float | None], float]
    space: Space
    start: Params


def decay(params: Params, before: float | None) -> float:
    """Learn with a rate that falls by two decades and a dropout that grows meanwhile."""
    value, lr, dropout = before or 0.0, math.log10(float(params["lr"] or 1)), float(params["dropout"] or 0)
    fit = 1 - (lr + 1 + 2 * value) ** 2 - ((dropout - 0.4 * value) / 0.4) ** 2
    return value + 0.2 * (1 - value) * max(0.0, fit)


PROBLEMS = {
    "planted": Problem(Toy, learn, Space({"lr": Uniform(0, 1)}), {"lr": 0.9}),
    "decay": Problem(
        Two,
        decay,
        Space({"lr": Uniform(1e-4, 1, log=True), "dropout": Uniform(0, 0.5)}),
        {"lr": 0.1, "dropout": 0.0},
    ),
}


def best(problem: Problem, seed: int, population: int, interval: int, explore: str) -> float:
    """The best value of one search."""
    rule = {"type": "pbt", "population": population, "interval": interval, "explore": explore}
    sweep = toy_sweep(
        space=problem.space,
        trials=population,
        epochs=EPOCHS,
        seed=seed,
        start_from=(problem.start,),
        train_together=1,
        early_terminate=rule,
    )
    race = Search(sweep, problem.hyperparameters, None).race(4)
    simulate(race, World(curve, learn=problem.learn, num_lanes=4), moments=False)
    return race.ranked()[0].best_value or 0.0


def main() -> None:
    """Print a row for each problem, population and interval."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", nargs=2, type=int, default=[100, 120], metavar=("FIRST", "END"))
    seeds = range(*parser.parse_args().seeds)
    print("| problem | population | interval | `perturb` | its worst | `pb2` | its worst | CPU s a search |")
    print("|---|---|---|---|---|---|---|---|")
    for name, population, interval in itertools.product(PROBLEMS, (4, 6, 8), (1, 2)):
        row = []
        for explore in ("perturb", "pb2"):
            begun = time.process_time()
            found = [best(PROBLEMS[name], seed, population, interval, explore) for seed in seeds]
            spent = (time.process_time() - begun) / len(seeds)
            row += [f"{fmean(found):.3f}", f"{min(found):.3f}"]
        print(f"| {name} | {population} | {interval} | {' | '.join(row)} | {spent:.1f} |", flush=True)


if __name__ == "__main__":
    main()
