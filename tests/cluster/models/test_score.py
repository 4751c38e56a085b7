"""How good predictions are in words: rows that do not count are told."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd

from cluster.models.score import Score


def told(truth: list[Any], predicted: list[Any], *classes: str) -> str | None:
    takes: Any = SimpleNamespace(classes=classes, problem="classification" if classes else "regression")
    score = Score()
    score.add(pd.Series(truth), pd.Series(predicted), takes)
    return score.said(takes, "y")


def test_rows_without_a_true_value_do_not_count_and_those_that_cannot_are_told() -> None:
    assert told([1.0, "?", None, 5.0], [2.0, 2.0, 2.0, 2.0]) == (
        "RMSE 2.2361, MAE 2 on 2 rows that have y (1 more have one that is no number)"
    )
    assert told([1.0, 2.0], [1.0, 2.0]) == "RMSE 0, MAE 0 on 2 rows that have y"
    assert told(["a", "b", "new"], ["a", "a", "a"], "a", "b") == (
        "accuracy 0.3333 on 3 rows that have y (1 of them of classes that the model does not know)"
    )
