"""What is said of a baseline: whether the champion beats it, by how much, and what is not known."""

from __future__ import annotations

from typing import Any

import pytest

from cluster.terminal import baseline_lines
from search_spaces.types.objective import Objective
from search_spaces.types.problems import Goal

NAME = "TF-IDF + logistic regression"


def baseline(difference: float | None, low: float | None, high: float | None, **how: Any) -> dict[str, Any]:
    return {
        "name": NAME,
        "trained": True,
        "mean": 0.8,
        "ci95": [0.75, 0.85],
        "seeds": 1,
        "difference": {"mean": difference, "ci95": [low, high], "seeds": 3},
        "rows": 100,
        "of_rows": 100,
        "seconds": 0.5,
        "failed": None,
        "said": "?",
        **how,
    }


@pytest.mark.parametrize(
    ("mean", "low", "high", "goal", "said"),
    [
        (0.012, 0.003, 0.021, "maximize", "beats {} by 0.0120 (0.0030 to 0.0210)."),
        (-0.012, -0.021, -0.003, "minimize", "beats {} by 0.0120 (0.0030 to 0.0210)."),
        (0.012, None, None, "maximize", "beats {} by 0.0120, without an interval."),
        (
            0.012, -0.003, 0.021, "maximize",
            "is not shown to beat {}: it is better by 0.0120, but the 95 % interval of the difference includes 0.",
        ),
        (0.0, 0.0, 0.0, "maximize", "is not shown to beat {}: they score the same."),
        (-0.02, -0.03, -0.01, "maximize", "does NOT beat {}: it is worse by 0.0200 (0.0100 to 0.0300)."),
        (
            0.02, -0.03, 0.05, "minimize",
            "does NOT beat {}: it is worse by 0.0200, though the 95 % interval of the difference includes 0.",
        ),
        (
            None, None, None, "maximize",
            "was not compared with {}: its score, or the champion's, is no finite number.",
        ),
    ],
)  # fmt: skip
def test_a_baseline_in_words(mean: float | None, low: float, high: float, goal: Goal, said: str) -> None:
    told = baseline_lines.said_of(baseline(mean, low, high), Objective("val_x", goal))
    assert told == f"The champion {said.format(NAME)}"


def test_rows_tell_a_sample_and_a_failure() -> None:
    few = baseline(0.1, 0.0, 0.2, rows=50_000, of_rows=67_349)
    failed = baseline(None, None, None, mean=None, seeds=0, failed="no words are left")
    said = baseline_lines.said_of(failed, Objective("val_accuracy", "maximize"))
    assert said == f"The champion was not compared with {NAME}, which failed: no words are left"
    assert baseline_lines.rows({"baselines": [few, failed]}) == [
        ("baseline", "", "0.8000", f"[0.7500, 0.8500]  {NAME}", "  on 50,000 of 67,349 training rows"),
        ("baseline", "", "failed", NAME, ""),
    ]


def test_a_verdict_of_an_earlier_version_has_none() -> None:
    first = {"name": "majority class", "value": 0.5, "difference": {"mean": 0.4, "ci95": [0.3, 0.5], "seeds": 3}}
    assert baseline_lines.rows({"baseline": first}) == [("no model", "", "0.5000", "majority class", "")]
    assert baseline_lines.sentences({"baseline": first}) == [] == baseline_lines.lines({"baseline": first})
