"""What the champion's report says in words is true of what it shows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from search_spaces.types.inspected.numbers import Score
from search_spaces.types.inspection import Confusion, Importance, Inspection
from tracking.results.champion import classes, columns, head, numbers
from workloads.champion.looks.numbers import errors

HEAD = head.Head()


def says(section: Any) -> str:
    assert section is not None
    return str(section.says)


def test_words_that_are_not_read_are_told_where_no_other_is_wrong() -> None:
    matrix = Confusion(classes=["A", "B"], counts=[[3, 0], [0, 4]])
    found = Inspection(metric="f1", problem="tagging", confusion=replace(matrix, unread=5))
    assert says(classes.confusion(HEAD, found)) == (
        "No word of the test split that is read is wrong. "
        "Not in the figure: 5 labelled words that are not read, which count as missed."
    )
    rows = Inspection(metric="accuracy", problem="classification", confusion=matrix)
    assert says(classes.confusion(HEAD, rows)) == "No example of the test split is wrong."


def of_errors(values: list[float], metric: str = "rmse") -> str:
    found = Inspection(metric=metric, problem="regression", errors=errors(np.array(values), 1))
    return says(numbers.errors(HEAD, found))


def test_errors_of_exact_and_of_few_predictions() -> None:
    assert of_errors([0.0] * 4) == "Half of all errors are at most 0 in size; the largest is 0."
    assert "nine in ten lie between -1 and 1;" in of_errors([-1.0] * 20 + [1.0] * 20)
    assert "nine in ten" not in of_errors([-3.0, 1.0, 2.0])


def test_of_a_quantile_it_is_told_how_often_the_truth_is_below_it() -> None:
    told = of_errors([1.0] * 17 + [-1.0] * 3, "pinball_90")
    assert told.endswith("In 85.0% of the examples the truth is at most the prediction; 90% are meant.")
    found = Inspection(metric="pinball_90", problem="regression", pairs=[(1.0, 2.0), (2.0, 1.0)])
    assert "should not depend" not in says(numbers.pairs(HEAD, found))
    assert "should not depend" in says(numbers.pairs(HEAD, replace(found, metric="rmse")))


@pytest.mark.parametrize(
    ("seeds", "low", "told"),
    [
        (1, 0.4, "Of the champion's only seed, with 95 % intervals over test rows."),
        (3, 0.4, "Means over the champion's seeds, with 95 % intervals over test rows and seeds."),
        (3, None, "Means over the champion's seeds, without intervals."),
    ],
)
def test_what_scores_are_means_of(seeds: int, low: float | None, told: str) -> None:
    one = Score(metric="test_loss", mean=0.5, low=low, high=low, seeds=seeds)
    assert says(head.scores(HEAD, Inspection(metric="loss", scores=[one]))) == told


def test_where_nothing_was_searched_the_search_is_not_said_to_have_chosen() -> None:
    found = Inspection(metric="loss")
    assert says(head.configuration(head.Head(uri="models:/a/1"), found)).startswith("Nothing was searched: all")
    chosen = head.configuration(head.Head(uri="models:/a/1", params={"lr": 0.1}), found)
    assert says(chosen).startswith("The values of what was searched; all other")


def test_columns_that_help_nothing_are_not_said_to() -> None:
    found = Inspection(metric="loss", importance=[Importance(column="a", mean=0.0, std=0.1)])
    assert says(columns.importance(HEAD, found)).startswith("With no column shuffled")
