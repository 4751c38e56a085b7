"""Compares the champions of sweeps: on the same test rows if they have the same, by rows and seeds; else apart."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from cluster.driver.beside import scores_of
from cluster.driver.verdict import test_metric
from cluster.sweep.comparing.difference import specs
from cluster.sweep.mlflow_models.opening import open_models_of
from cluster.sweep.reading import Reading, epochs_trained
from search_spaces.race.finals import PREFIX, scores
from search_spaces.types.objective import Objective
from search_spaces.types.trial_names import trial_key
from tracking.results.intervals import Estimate, TestScores, apart, estimate
from workloads.arrays import DataError

EQUAL = "which score the same one by one"
IF_ALIKE = "if both measured themselves on the same test data, of which nothing is known"


class NotCompared(Exception):
    """Error: a sweep has no champion that can be compared; the message says why."""


@dataclass(frozen=True)
class Side:
    """The champion of one sweep, and what is known of its test rows."""

    read: Reading

    @property
    def objective(self) -> Objective:
        """The metric on the test split, and its direction."""
        found = self.read.sweep.objective
        return Objective(test_metric(found.name), found.goal)

    @property
    def number(self) -> int:
        """The champion's trial. Raises NotCompared where the sweep has no final evaluation."""
        verdict, home = self.read.facts.verdict, self.read.home
        if verdict is None:
            why = self.read.way_on
            if not self.read.live:
                why = self.read.facts.no_verdict or ("final: none" if self.read.sweep.final is None else why)
            raise NotCompared(f"sweep {home.id} has no final evaluation to be compared: {why}")
        return int(verdict["winner"]["number"])

    @cached_property
    def by_seed(self) -> Mapping[int, float]:
        """The champion's score on the test split by seed."""
        facts = self.read.study.facts()
        entries = {key.removeprefix(PREFIX): value for key, value in facts.items() if key.startswith(PREFIX)}
        return scores(entries, self.objective.name).get(self.number, {})

    @cached_property
    def kept(self) -> Mapping[str, Any]:
        """The data's card and the rows of each split, as the sweep kept them; empty where it did not."""
        try:
            found: Mapping[str, Any] = json.loads(self.read.home.data.read_text())
        except (OSError, ValueError):
            return {}
        return found

    @property
    def source(self) -> tuple[Any, Any]:
        """Name of the data and the problem."""
        card = self.kept.get("card") or {}
        return card.get("name"), card.get("problem")

    @cached_property
    def rows(self) -> TestScores | None:
        """Scores by test row and seed. None where predictions were not kept, or the data is not what it was."""
        from workloads.champion.test_scores import TestSplit  # 1,300 ms: torch
        from workloads.data.prepare import prepare

        sweep, home = self.read.sweep, self.read.home
        if not sweep.data.given:
            return None
        open_models_of(sweep.tracking.uri)
        try:
            found = prepare(sweep.data, sweep.problem)
        except DataError:
            return None
        if found.card.digest != self.kept["card"]["digest"]:
            return None
        split = TestSplit.of(sweep.workload, self.objective.name.removeprefix("test_"), found.search, found.test)
        keys = {seed: trial_key(self.number, seed) for seed in self.by_seed}
        members = split.read(str(home.checkpoints), keys)
        if members.keys() != self.by_seed.keys():
            return None
        return scores_of(split, self.by_seed, split.by_row([members[seed] for seed in self.by_seed]))


def same_rows(first: Side, second: Side) -> bool:
    """Return whether both champions were scored on the same rows of the same data."""
    cards = [side.kept.get("card") or {} for side in (first, second)]
    if not all(cards):
        return False
    if cards[0]["digest"] == cards[1]["digest"]:
        return True
    rows = [(side.kept.get("indices") or {}).get("test") for side in (first, second)]
    return first.source == second.source and bool(rows[0]) and rows[0] == rows[1]


def compared(reads: Sequence[Reading]) -> dict[str, Any]:
    """Return the document of ``paceline compare ID ID``: each champion, and the others' difference to the first.

    Raises NotCompared where one has no final evaluation.
    """
    sides = [Side(read) for read in reads]
    return {
        "sweeps": [_sweep(side) for side in sides],
        "metric": {"name": sides[0].objective.name, "goal": sides[0].objective.goal},
        "differences": [_difference(sides[0], side) for side in sides[1:]],
        "spec": specs(reads),
    }


def _sweep(side: Side) -> dict[str, Any]:
    read = side.read
    verdict = read.facts.verdict
    number = side.number
    assert verdict is not None
    return {
        "sweep": read.home.id,
        "name": read.sweep.name,
        "workload": read.sweep.workload,
        "metric": side.objective.name,
        "champion": number,
        "mean": verdict["winner"]["mean"],
        "ci95": verdict["winner"]["ci95"],
        "seeds": verdict["winner"]["seeds"],
        "defaults": _beside(verdict.get("default")),
        "baselines": [_beside(one) | {"name": one["name"]} for one in verdict.get("baselines") or ()],
        "trials": len(read.rows),
        "epochs_trained": epochs_trained(read.rows),
        "seconds": read.facts.cost.get("seconds", 0.0),
        "warnings": list(verdict.get("warnings") or ()),
    }


def _beside(one: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the score of what stands beside a champion, null where it has none."""
    found = one or {}
    return {"mean": found.get("mean"), "ci95": found.get("ci95")}


def _difference(first: Side, second: Side) -> dict[str, Any]:
    """Return the second champion's score less the first one's, how it was measured, and what it means."""
    how, found = _measured(first, second)
    ids = {"first": first.read.home.id, "second": second.read.home.id}
    if found is None:
        return {
            **ids,
            "mean": None,
            "ci95": None,
            "paired": False,
            "over": "",
            "how": how,
            "said": f"Not compared: {how}.",
        }
    finite = bool(np.isfinite([found.low, found.high]).all())
    return {
        **ids,
        "mean": found.mean if np.isfinite(found.mean) else None,
        "ci95": list(found.ci95) if finite else None,
        "paired": how.startswith("paired"),
        "over": found.over,
        "how": how,
        "said": _said(first, second, found, how),
    }


def _measured(first: Side, second: Side) -> tuple[str, Estimate | None]:
    """Return how the difference was measured, or why it was not; and the difference."""
    if first.objective != second.objective:
        goals = " and ".join(f"{side.objective.name} ({side.objective.goal})" for side in (first, second))
        return f"the metrics differ, {goals}", None
    known = bool(first.kept and second.kept)
    if known and first.source != second.source:
        names = " and ".join(str(side.source[0]) for side in (first, second))
        return f"the data differs, {names}", None
    own = [side.read.facts.verdict or {} for side in (first, second)]
    if any(one.get("tested_by") for one in own) or not known:
        return _by_seeds(first, second, f"by seeds alone: {_unknown(first, second)}")
    if not same_rows(first, second):
        return "apart: the same data, but other test rows", _apart(first, second)
    rows = [first.rows, second.rows]
    if rows[0] is None or rows[1] is None or rows[0].by_row is None or rows[1].by_row is None:
        return _by_seeds(first, second, "by seeds alone: predictions of rows, or the data, are not there any more")
    if not first.by_seed.keys() & second.by_seed.keys() or rows[0].by_row.shape[1] != rows[1].by_row.shape[1]:
        return "apart: no seed in common", _apart(first, second)
    difference = rows[1].minus(rows[0])
    same = difference.by_row is not None and not difference.by_row.any()
    how = f"paired by {rows[0].by_row.shape[1]} test rows and by seed" + f", {EQUAL}" * same
    return how, estimate(difference)


def _unknown(first: Side, second: Side) -> str:
    """Return what is not known of the test rows of champions of which one has measured itself."""
    if first.kept and second.kept and same_rows(first, second):
        return "code of the user's measured itself, and kept no scores of rows"
    if first.read.sweep.workload == second.read.sweep.workload:
        return "nothing is known of the test rows"
    return f"it holds {IF_ALIKE}"


def _by_seeds(first: Side, second: Side, how: str) -> tuple[str, Estimate]:
    found = TestScores(by_seed=second.by_seed).minus(TestScores(by_seed=first.by_seed))
    if found.by_seed:
        return f"paired {how}", estimate(found)
    return "apart: no seed in common", _apart(first, second)


def _apart(first: Side, second: Side) -> Estimate:
    return apart(_of_verdict(second), _of_verdict(first))


def _of_verdict(side: Side) -> Estimate:
    assert side.read.facts.verdict is not None
    found = side.read.facts.verdict["winner"]
    low, high = (np.nan if one is None else float(one) for one in found["ci95"] or (None, None))
    mean = np.nan if found["mean"] is None else float(found["mean"])
    return Estimate(mean=mean, low=low, high=high, num_seeds=int(found["seeds"]))


def _said(first: Side, second: Side, found: Estimate, how: str) -> str:
    """Return in words whether one champion is better, and what that rests on; inside the noise none is."""
    ids = first.read.home.id, second.read.home.id
    if not np.isfinite([found.low, found.high]).all():
        return f"No interval can be given, so that {ids[1]} cannot be distinguished from {ids[0]}."
    if EQUAL in how:
        same = f"{ids[1]} and {ids[0]} score the same in every test row"
        return f"{same}; on other rows they may differ within the interval."
    told = f"No difference is shown between {ids[1]} and {ids[0]}: the 95 % interval includes 0."
    if not found.low <= 0 <= found.high:
        better = first.objective.better(found.mean, 0.0)
        told = f"{ids[1]} is {'better' if better else 'worse'} than {ids[0]}: the 95 % interval excludes 0."
    return f"{told} That holds {IF_ALIKE}." if IF_ALIKE in how else told
