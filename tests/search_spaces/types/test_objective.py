"""One order for every "best first": total, whatever the values, and the same for both goals but for the sign."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.terminal.records import best_of, ranked
from search_spaces.types.objective import WORST, Objective
from search_spaces.types.problems import Goal
from tests.helpers.sweep_in_every_state import row

UP, DOWN = Objective("val_accuracy", "maximize"), Objective("val_accuracy", "minimize")
NO_VALUE = (None, math.nan, math.inf, -math.inf)
VALUES = st.one_of(st.sampled_from([*NO_VALUE, 0.0, -0.0, 1.0]), st.floats())
OBJECTIVES = st.sampled_from([UP, DOWN])


@given(OBJECTIVES, VALUES, VALUES, VALUES)
def test_it_is_a_total_order(objective: Objective, a: float | None, b: float | None, c: float | None) -> None:
    assert objective.reaches(a, b) or objective.reaches(b, a)
    assert objective.better(a, b) == (not objective.reaches(b, a))
    if objective.reaches(a, b) and objective.reaches(b, c):
        assert objective.reaches(a, c)


@given(VALUES, VALUES)
def test_maximising_is_minimising_the_negative(a: float | None, b: float | None) -> None:
    negative = [None if value is None else -value for value in (a, b)]
    assert UP.better(a, b) == DOWN.better(*negative)
    assert UP.signed(a) == DOWN.signed(negative[0])


@given(OBJECTIVES, st.sampled_from(NO_VALUE), st.floats(allow_nan=False, allow_infinity=False))
def test_what_is_not_finite_is_worse_than_every_finite_value(
    objective: Objective, none: float | None, value: float
) -> None:
    assert objective.signed(none) == WORST
    assert objective.better(value, none) and not objective.better(none, value)
    assert all(objective.reaches(none, other) and objective.reaches(other, none) for other in NO_VALUE)


@given(OBJECTIVES, st.lists(VALUES))
def test_ranked_is_best_first_and_of_equal_ones_the_first(objective: Objective, values: list[float | None]) -> None:
    rows = list(enumerate(values))
    found = objective.ranked(rows, lambda row: row[1])
    assert sorted(found) == sorted(rows)
    assert found == sorted(rows, key=lambda row: (objective.signed(row[1]), row[0]))
    known = [value for value in values if value is not None and math.isfinite(value)]
    best = objective.best(rows, lambda row: row[1])
    assert best == (found[0] if known else None)
    assert best is None or best[1] == (max if objective is UP else min)(known)


@pytest.mark.parametrize(("goal", "order"), [("maximize", [4, 5, 2, 0, 1]), ("minimize", [2, 4, 5, 0, 1])])
def test_a_failed_trial_is_never_the_leaderboard_s_first(goal: Goal, order: list[int]) -> None:
    """A trial that diverged after its best epoch keeps that value; of two equal trials the first one leads."""
    rows = [row(1, state="failed", best_value=0.99), row(0, state="failed", best_value=0.01)]
    rows += [row(5, best_value=0.9), row(2, best_value=0.5), row(4, best_value=0.9, state="stopped")]
    objective = Objective("val_accuracy", goal)
    assert [found.number for found in ranked(rows, objective)] == order
    best = best_of(rows, objective)
    assert best is not None and best.number == order[0]
    assert best_of(rows[:2], objective) is None
    assert best_of([row(0, state="running", best_value=None)], objective) is None
