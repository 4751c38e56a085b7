"""Further metrics of the champion on the test split, with the intervals that its own metric has."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from cluster.driver.beside import scores_of
from search_spaces.types.inspected.numbers import Score
from tracking.results.intervals import estimate

SHOWN = ("accuracy", "roc_auc", "rmse", "mae", "r2", "bits_per_character", "perplexity", "loss")
"""Metrics that are told, in this order: those whose intervals take no time."""
Data = tuple[Any, Any]
"""The search's data, and the raw test split."""


def scores(
    workload: str,
    checkpoints: str,
    keys: Mapping[int, str],
    measured: Mapping[str, Mapping[int, float]],
    data: Data,
) -> list[Score]:
    """Return each metric that all of the champion's trainings have: mean over seeds, interval over rows and seeds.

    ``measured`` holds values by seed of metrics such as ``test_mae``.
    """
    from workloads.champion.test_scores import TestSplit  # 1,300 ms: torch

    found = []
    for name in SHOWN:
        by_seed = {seed: measured.get(f"test_{name}", {}).get(seed, math.nan) for seed in keys}
        if not by_seed or not all(map(math.isfinite, by_seed.values())):
            continue
        split = TestSplit.of(workload, name, *data)
        members = split.read(checkpoints, keys)
        rows = split.by_row([members[seed] for seed in keys]) if len(members) == len(keys) else None
        score = estimate(scores_of(split, by_seed, rows))
        low, high = (value if math.isfinite(value) else None for value in score.ci95)
        found.append(Score(metric=f"test_{name}", mean=score.mean, low=low, high=high, seeds=score.num_seeds))
    return found
