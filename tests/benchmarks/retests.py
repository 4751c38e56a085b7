"""Whether the recommended configuration is better than the luckiest one, on complete tables with noise.

Run ``python -m tests.benchmarks.retests FOLDER``: of 100 trainings all try random configurations once, and the best
value is taken; or 88 do, and 12 try the best again, as ``retest: 0.12``. Regret is that of the table's mean.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from search_spaces.race.recommended import Tried, estimates, next_retests
from tests.benchmarks.tables import Table, load

NUM_SEEDS, BUDGET, NUM_RETESTS = 200, 100, 12


def regrets(table: Table, rows: np.ndarray, seed: int) -> tuple[float, float]:
    """Return the regrets of the luckiest of 100 configurations, and of the recommended one of 88."""
    rng = np.random.default_rng(seed)
    drawn = rows[rng.choice(len(rows), BUDGET, replace=False)]
    noisy = np.stack([rng.permutation(row) for row in drawn])
    first = [table.objective.signed(float(value)) for value in noisy[:, 0]]
    values, left = {trial: [float(noisy[trial, 0])] for trial in range(BUDGET - NUM_RETESTS)}, NUM_RETESTS
    ranked = estimates([Tried(*one) for one in values.items()], table.objective)
    while left and (again := [t for t in next_retests(ranked, left) if len(values[t]) < noisy.shape[1]]):
        for trial in again:
            values[trial].append(float(noisy[trial, len(values[trial])]))
        left -= len(again)
        ranked = estimates([Tried(*one) for one in values.items()], table.objective)
    chosen = drawn[[int(np.argmin(first)), ranked[0].trial]].mean(axis=1)
    lucky, recommended = (abs(float(mean) - table.best) for mean in chosen)
    return lucky, recommended


def main() -> None:
    """Print a row for each table in the folder."""
    for path in sorted(Path(sys.argv[1]).glob("*.parquet")):
        table = load(path)
        rows = np.stack(list(table.rows.values()))
        rows = rows[~np.isnan(rows).any(axis=1)]
        found = np.array([regrets(table, rows, seed) for seed in range(NUM_SEEDS)])
        lucky, recommended = found.mean(axis=0)
        print(f"| {table.name} | {lucky:.4g} | {recommended:.4g} | {recommended / lucky:.2f} |", flush=True)


if __name__ == "__main__":
    main()
