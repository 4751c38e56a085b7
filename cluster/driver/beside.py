"""What stands beside the champion: the score of each baseline on the same test rows, and the difference to it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tracking.results.intervals import Estimate, Sample, TestScores, estimate

if TYPE_CHECKING:
    from workloads.baselines.measure import Measured
    from workloads.champion.test_scores import TestSplit

NONE = Estimate(mean=math.nan, num_seeds=0)


@dataclass(frozen=True, kw_only=True)
class Beside:
    """A baseline's score, and the champion's difference to it, paired by test row."""

    name: str
    trained: bool
    score: Estimate = NONE
    """Over the test rows alone: it is trained once."""
    difference: Estimate = NONE
    """Champion minus baseline, over test rows and seeds."""
    num_rows: int
    of_rows: int
    """Training rows that it was fitted on, and that there are."""
    seconds: float
    failed: str | None


def beside(split: TestSplit, champion: TestScores, root: str | None, cut_off: str) -> list[Beside]:
    """Return what needs no model, and the trained baselines that were kept below ``root``; None: without these.

    Those that lack because their measuring was ``cut_off`` have that as the reason of their failure.
    """
    from workloads.baselines.measure import found  # 1,300 ms: torch

    return [_beside(split, champion, one) for one in found(split, root, cut_off)]


def _beside(split: TestSplit, champion: TestScores, one: Measured) -> Beside:
    score = difference = NONE
    if one.score is not None:
        of_rows = split.by_row([one.values]) if champion.by_row is not None and one.values else None
        of_each_seed = None if of_rows is None else of_rows.repeat(len(champion.by_seed), 0)
        alike = scores_of(split, dict.fromkeys(champion.by_seed, one.score), of_each_seed)
        score = estimate(scores_of(split, {0: one.score}, of_rows))
        difference = estimate(champion.minus(alike))
    return Beside(
        name=one.name,
        trained=one.trained,
        score=score,
        difference=difference,
        num_rows=one.num_rows,
        of_rows=one.of_rows,
        seconds=one.seconds,
        failed=one.failed,
    )


def scores_of(split: TestSplit, by_seed: Mapping[int, float], rows: Any) -> TestScores:
    """Return the scores of seeds, with those ``rows`` (seeds, parts) of test rows; None: of the whole alone."""
    if rows is None:
        return TestScores(by_seed=by_seed, kind=split.kind)
    sample = Sample(num_rows=split.num_rows, free=split.units.free)
    return TestScores(by_seed=by_seed, by_row=rows, kind=split.kind, sample=sample)
