"""Population based training on a problem that no constant solves: random changes against PB2's choices.

``python -m tests.benchmarks.population`` prints the table of RESULTS.md.
"""

from __future__ import annotations

import time
from statistics import fmean

from search_spaces.race.search import Search
from search_spaces.simulation.clock import World, simulate
from search_spaces.space.domains import Uniform
from search_spaces.space.space import Space
from tests.helpers.toy_race import Toy, curve, toy_sweep
from tests.search_spaces.schedules.test_pbt import learn

EPOCHS, SEEDS = 30, 10


def best(seed: int, population: int, interval: int, explore: str) -> float:
    """The best value of one search, in which one member begins with an ``lr`` that learns."""
    rule = {"type": "pbt", "population": population, "interval": interval, "explore": explore}
    sweep = toy_sweep(
        space=Space({"lr": Uniform(0, 1)}),
        trials=population,
        epochs=EPOCHS,
        seed=seed,
        start_from=({"lr": 0.9},),
        train_together=1,
        early_terminate=rule,
    )
    race = Search(sweep, Toy, None).race(4)
    simulate(race, World(curve, learn=learn, num_lanes=4), moments=False)
    return race.ranked()[0].best_value or 0.0


def main() -> None:
    """Print a row for each population and interval."""
    print("| population | interval | `perturb` | its worst | `pb2` | its worst | CPU seconds a search |")
    print("|---|---|---|---|---|---|---|")
    for population in (4, 6, 8):
        for interval in (1, 2):
            row = []
            for explore in ("perturb", "pb2"):
                begun = time.process_time()
                found = [best(seed, population, interval, explore) for seed in range(SEEDS)]
                spent = (time.process_time() - begun) / SEEDS
                row += [f"{fmean(found):.3f}", f"{min(found):.3f}"]
            print(f"| {population} | {interval} | {' | '.join(row)} | {spent:.1f} |", flush=True)


if __name__ == "__main__":
    main()
