"""How often the 95 % interval of a final evaluation holds the truth: ``python -m tests.benchmarks.coverage``.

Two configurations are drawn many times: each row is hit by both, by neither, or by one of them, and a share of the
rows is hit or missed by chance with each seed, the more seeds differ the larger ``of_seeds``. The truth is what an
endless number of rows and seeds would come to.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from tracking.results.intervals import crossed

ACCURACY, DISAGREE, CHANCE = 0.93, 0.06, 0.1
"""Share of rows that both hit but for the others; share on which they differ; share left to chance."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """``of_seeds`` is the seeds' part of the variance of the mean; ``effect`` the true difference in accuracy."""

    num_rows: int
    num_seeds: int
    of_seeds: float
    effect: float

    @property
    def seed_std(self) -> float:
        """Standard deviation of a seed's accuracy in the population."""
        share = ACCURACY * (1 - ACCURACY) / self.num_rows
        return float(np.sqrt(self.of_seeds / (1 - self.of_seeds) * share * self.num_seeds))


def drawn(setting: Setting, rng: np.random.Generator) -> tuple[Any, Any]:
    """Return hits (seeds, rows) of both configurations."""
    num_rows, num_seeds = setting.num_rows, setting.num_seeds
    both, where = rng.random(num_rows) < ACCURACY, rng.random(num_rows)
    chance = rng.random(num_rows) < CHANCE
    first = where < DISAGREE / 2 + setting.effect / (1 - CHANCE) / 2
    second = ~first & (where < DISAGREE)
    found = []
    for mine, theirs in ((first, second), (second, first)):
        hits = (both | mine) & ~theirs
        lucky = 0.5 + rng.normal(0, setting.seed_std, num_seeds) / CHANCE
        found.append(np.where(chance, rng.random((num_seeds, num_rows)) < lucky[:, None], hits).astype(float))
    return found[0], found[1]


def truth(effect: float) -> tuple[float, float]:
    """Return the first configuration's accuracy in the population, and its difference to the second's."""
    accuracy = (1 - DISAGREE) * ACCURACY + DISAGREE / 2 + effect / (1 - CHANCE) / 2
    return (1 - CHANCE) * accuracy + CHANCE / 2, effect


def covered(setting: Setting, num_draws: int, seed: int) -> tuple[float, float]:
    """Return how often the intervals of the first configuration and of the difference hold the truth."""
    rng, (accuracy, effect) = np.random.default_rng(seed), truth(setting.effect)
    hits = np.zeros(2)
    for _ in range(num_draws):
        first, second = drawn(setting, rng)
        for k, (rows, kind, true) in enumerate(
            ((first, "share", accuracy), (first - second, "difference", effect))
        ):
            low, high = crossed(rows, kind)  # type: ignore[arg-type]
            hits[k] += low <= true <= high
    return float(hits[0] / num_draws), float(hits[1] / num_draws)


def main() -> None:
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    print("| rows | seeds | part of the seeds | true difference | accuracy covered | difference covered |")
    print("|---|---|---|---|---|---|")
    for rows, seeds, part, effect in product((100, 1000, 10_000), (3, 5), (0.0, 0.3, 0.7), (0.0, 0.02)):
        setting = Setting(num_rows=rows, num_seeds=seeds, of_seeds=part, effect=effect)
        draws = given.draws if rows < 10_000 else given.draws // 4
        winner, difference = covered(setting, draws, given.seed)
        shown = f"{100 * winner:.1f} % | {100 * difference:.1f} %"
        print(f"| {rows:,} | {seeds} | {part:.0%} | {effect} | {shown} |", flush=True)


if __name__ == "__main__":
    main()
