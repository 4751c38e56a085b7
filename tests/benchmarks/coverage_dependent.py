"""How often intervals hold the truth where rows are not alike: ``python -m tests.benchmarks.coverage_dependent``.

Rows of a group share a part of their error, those of a series an autoregression, and of the classes of a balanced
accuracy one is rare. Values and differences of two configurations that are equal in truth are drawn many times.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from scipy.signal import lfilter

from tracking.results.intervals import Kind, Sample, TestScores, estimate
from workloads.arrays import Arrays, DataShape
from workloads.champion.by_row import Units, by_row, units
from workloads.champion.test_scores import TestSplit
from workloads.data.search_data import SearchData
from workloads.data.statistics import fit
from workloads.tasks.regression import Regression

NUM_SEEDS = 3
MAE = float(np.sqrt(2 / np.pi))
"""Mean absolute value of a standard normal number."""
Drawn = tuple[TestScores, TestScores]
Draw = Callable[[np.random.Generator], Drawn]


def _scored(rows: Any, parts: Units, kind: Kind, num_rows: float | None = None) -> TestScores:
    values = {seed: float(row.mean()) for seed, row in enumerate(rows)}
    return TestScores(by_seed=values, by_row=rows, kind=kind, sample=Sample(num_rows=num_rows, free=parts.free))


def _errors(shared: Any, rng: np.random.Generator, parts: Units) -> TestScores:
    """Return absolute errors (seeds, rows): ``shared`` (rows,), with a variance of 0.7, and the seeds' own."""
    errors = np.abs(shared + np.sqrt(0.3) * rng.normal(size=(NUM_SEEDS, len(shared))))
    y = torch.zeros(len(shared), 1)
    rows = by_row(Regression(), [{"mae:mean": one} for one in errors], y, "mae", parts)
    return _scored(rows, parts, "error")


def groups(num_groups: int, big: float) -> Draw:
    """Return draws of groups of 2 to 7 rows, of which a share ``big`` has 20 times as many."""

    def draw(rng: np.random.Generator) -> Drawn:
        sizes = rng.integers(2, 8, num_groups) * np.where(rng.random(num_groups) < big, 20, 1)
        number = np.repeat(np.arange(num_groups), sizes)
        y = np.zeros((len(number), 1))
        parts = units(Arrays(y, y, groups=number), DataShape((1,), 1, "regression"))
        both = np.sqrt(0.3) * rng.normal(size=num_groups)
        own = (np.sqrt(0.2) * rng.normal(size=num_groups) for _ in range(2))
        noise = (np.sqrt(0.2) * rng.normal(size=len(number)) for _ in range(2))
        one, other = ((both + mine)[number] + each for mine, each in zip(own, noise, strict=True))
        return _errors(one, rng, parts), _errors(other, rng, parts)

    return draw


def series(num_windows: int, memory: float) -> Draw:
    """Return draws of errors that are an autoregression with the coefficient ``memory``, seasons of 12 steps."""

    def walk(rng: np.random.Generator, variance: float) -> Any:
        steps = rng.normal(0.0, np.sqrt(variance * (1 - memory**2)), num_windows + 300)
        return lfilter([1.0], [1.0, -memory], steps)[300:]

    def draw(rng: np.random.Generator) -> Drawn:
        y = np.zeros((num_windows, 1))
        parts = units(Arrays(y, y), DataShape((12, 1), 1, "forecast", season=12))
        both = walk(rng, 0.4)
        return _errors(both + walk(rng, 0.3), rng, parts), _errors(both + walk(rng, 0.3), rng, parts)

    return draw


def rare(num_rows: int, share: float) -> Draw:
    """Return draws of a balanced accuracy of 0.95: the rare class, a ``share`` of the rows, is hit with 0.9."""
    num_rare = round(share * num_rows)
    y = np.repeat([0, 1], [num_rows - num_rare, num_rare])
    train = Arrays(np.zeros((2, 1)), np.arange(2))
    split = TestSplit.of(
        "mlp", "balanced_accuracy", SearchData(train, train, fit(train.x), 2), Arrays(np.zeros((num_rows, 1)), y)
    )

    def scored(rng: np.random.Generator, often: Any) -> TestScores:
        found = []
        for _ in range(NUM_SEEDS):
            hit = np.where(rng.random(num_rows) < 0.5, often, rng.random(num_rows) < np.where(y == 1, 0.9, 1.0))
            logits = np.eye(2, dtype=np.float32)[np.where(hit, y, 1 - y)]
            found.append({"logits": logits, "loss": np.zeros(num_rows, np.float32)})
        return _scored(split.by_row(found), split.units, "rate", split.num_rows)

    def draw(rng: np.random.Generator) -> Drawn:
        often = rng.random(num_rows) < np.where(y == 1, 0.9, 1.0)
        return scored(rng, often), scored(rng, often)

    return draw


def cases() -> Iterator[tuple[str, float, Draw]]:
    """Yield the name of each case, its truth, and its draws."""
    for num_groups in (8, 20, 60):
        for big in (0.0, 0.1):
            yield (
                f"{num_groups} groups{', a tenth 20 times as big' if big else ''}, MAE",
                MAE,
                groups(num_groups, big),
            )
    for memory in (0.5, 0.9):
        for num_windows in (60, 200, 500, 2000):
            yield f"{num_windows:,} windows, errors AR({memory}), MAE", MAE, series(num_windows, memory)
    for num_rows in (60, 200, 1000):
        yield f"{num_rows:,} rows, a tenth of one class, balanced accuracy", 0.95, rare(num_rows, 0.1)


def main() -> None:
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    print("| test split | value covered | difference covered |\n|---|---|---|")
    for name, truth, draw in cases():
        rng, held = np.random.default_rng(given.seed), np.zeros(2)
        for _ in range(given.draws):
            one, other = draw(rng)
            for k, (scores, true) in enumerate(((one, truth), (one.minus(other), 0.0))):
                found = estimate(scores)
                held[k] += found.low <= true <= found.high
        value, difference = 100 * held / given.draws
        print(f"| {name} | {value:.1f} % | {difference:.1f} % |", flush=True)


if __name__ == "__main__":
    main()
