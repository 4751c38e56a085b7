"""The numbers of the final evaluation: each configuration's test score, its difference to others, to baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from cluster.driver.beside import Beside, beside, scores_of
from tracking.results.intervals import Estimate, TestScores, estimate

if TYPE_CHECKING:
    from workloads.arrays import Arrays
    from workloads.data.search_data import SearchData

PREDICTIONS = "verdict/predictions.parquet"
MAX_ROWS = 200_000
"""Limit on the rows of the table of predictions: it travels through the spool.

Of more, those of the champion and the defaults are kept, then the champion's alone, then without probabilities.
"""


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is to be judged. Plain values: it travels to a worker."""

    workload: str
    metric: str
    """On the test split, such as ``test_accuracy``."""
    checkpoints: str
    champion: int
    default: int
    scores: Mapping[int, Mapping[int, float]]
    """Test value by trial and seed."""
    keys: Mapping[int, Mapping[int, str]]
    """Key of each final member, by trial and seed."""
    rows: Sequence[int] = ()
    """Where each test example stands in its source."""
    tested_by: str | None = None
    """The workload, where users' code has measured itself on test data of its own; else None."""
    trained_baselines: bool = True
    """Whether trained baselines stand beside the champion, too, where they have been measured."""
    cut_off: str = ""
    """Why the measuring of baselines was cut off, if it was."""


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """Estimates by trial; champion and default over all of their seeds, their difference over those that both have.

    ``predictions`` is a Parquet file of all predictions, empty without any.
    """

    trials: Mapping[int, Estimate]
    champion: Estimate
    default: Estimate
    difference: Estimate
    baselines: Sequence[Beside] = ()
    """What the champion must beat, with its difference to each; what needs no model comes first."""
    num_rows: int | None = None
    """Number of independent parts of the test split: rows, groups or blocks. None where only seeds are counted."""
    parts: str = "rows"
    unpredicted: Sequence[Mapping[str, Any]] = ()
    """Classes that the champion predicts for no test row, as ``TestSplit.unpredicted`` returns them."""
    predictions: bytes = field(default=b"", repr=False)


def judge(case: Case, search: SearchData | None = None, test: Arrays | None = None) -> Judgement:
    """Return the judgement; without data, or where outputs do not come apart by rows, intervals are over seeds."""
    found = {trial: TestScores(by_seed=dict(seeds)) for trial, seeds in case.scores.items()}
    extra: dict[str, Any] = {}
    split = None
    if search is not None and test is not None:
        from workloads.champion.test_scores import TestSplit  # 1,300 ms: torch

        split = TestSplit.of(case.workload, case.metric.removeprefix("test_"), search, test)
        members = {trial: split.read(case.checkpoints, keys) for trial, keys in case.keys.items()}
        found = _alike({trial: _scores(split, case, trial, members[trial]) for trial in found})
        shown = _shown(case, members, len(test))
        brief = len(test) * sum(map(len, shown.values())) > MAX_ROWS
        extra["predictions"] = split.table(shown, case.rows, probabilities=not brief)
        extra["unpredicted"] = split.unpredicted(list(members[case.champion].values()))
        if found[case.champion].by_row is not None:
            extra |= {"num_rows": split.units.count, "parts": split.units.kind}
    champion, default = found[case.champion], found.get(case.default)
    if split is not None:
        root = case.checkpoints if case.trained_baselines else None
        extra["baselines"] = beside(split, champion, root, case.cut_off)
    return Judgement(
        trials={trial: estimate(scores) for trial, scores in found.items()},
        champion=estimate(champion),
        default=estimate(default or TestScores(by_seed={})),
        difference=_difference(case, champion, default or TestScores(by_seed={})),
        **extra,
    )


def _difference(case: Case, champion: TestScores, default: TestScores) -> Estimate:
    """Return champion minus default; where they are the same trial it is 0, and no sample says more."""
    if case.champion == case.default:
        return Estimate(mean=0.0, low=0.0, high=0.0, num_seeds=len(champion.by_seed))
    return estimate(champion.minus(default))


def _scores(split: Any, case: Case, trial: int, members: Mapping[int, Any]) -> TestScores:
    by_seed = dict(case.scores[trial])
    found = [members.get(seed) for seed in by_seed]
    rows = None if any(one is None for one in found) else split.by_row(found)
    return scores_of(split, by_seed, rows)


def _alike(found: Mapping[int, TestScores]) -> dict[int, TestScores]:
    """Return the scores by row, or all by seed alone where some trial's predictions were not kept.

    So what is said of the intervals holds for each of them.
    """
    if all(scores.by_row is not None for scores in found.values()):
        return dict(found)
    return {trial: replace(scores, by_row=None) for trial, scores in found.items()}


def _shown(case: Case, members: Mapping[int, Mapping[int, Any]], num_rows: int) -> Mapping[int, Mapping[int, Any]]:
    """Return the members whose predictions fit into the table: all, two trials', or the champion's."""
    shown = members
    for few in (members.keys(), {case.champion, case.default}, {case.champion}):
        shown = {trial: members[trial] for trial in members if trial in few}
        if num_rows * sum(map(len, shown.values())) <= MAX_ROWS:
            break
    return shown
