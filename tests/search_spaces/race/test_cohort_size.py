"""How many trials go out together: many where that pays, one where it does not."""

from __future__ import annotations

import pytest

from search_spaces.race.cohort_size import REMEMBERED, CohortSize


def seen(breadth: CohortSize, num_legs: int, num_members: int, each_s: float, fused: int = 1) -> CohortSize:
    for _ in range(num_legs):
        breadth.seen(num_members, num_members * each_s, fused)
    return breadth


def test_before_anything_is_known_a_leg_gets_its_share() -> None:
    assert [CohortSize(7, 8).now(left) for left in (1000, 40, 17, 1)] == [7, 5, 2, 1]
    assert CohortSize(7, 0).now(1) == 7
    alone = seen(CohortSize(7, 8), REMEMBERED, 1, 60.0)
    assert [alone.now(left) for left in (1000, 40, 17, 1)] == [7, 5, 2, 1]


@pytest.mark.parametrize(
    ("each_s", "fused", "most"),
    [(60.0, 1, 1), (60.0, 4, 4), (60.0, 7, 7), (0.9, 1, 2), (0.9, 4, 4), (0.2, 1, 7), (0.0, 1, 7)],
)
def test_members_pay_in_one_program_or_in_short_legs(each_s: float, fused: int, most: int) -> None:
    assert seen(CohortSize(7, 8), 1, 7, each_s, fused).now(1000) == most


def test_the_last_trials_go_out_one_by_one_unless_they_are_short() -> None:
    left = (60, 40, 17, 15, 1)
    assert [seen(CohortSize(7, 8), 1, 7, 60.0, 7).now(n) for n in left] == [7, 5, 2, 1, 1]
    assert [seen(CohortSize(7, 8), 1, 7, 0.1, 7).now(n) for n in left] == [7] * 5
    assert [seen(CohortSize(32, 8), 1, 20, 0.1, 20).now(n) for n in left] == [20] * 5
    assert [seen(CohortSize(7, 0), 1, 7, 60.0, 1).now(n) for n in left] == [7] * 5


def test_one_slow_leg_decides_nothing_and_a_leg_of_one_says_nothing_of_fusing() -> None:
    breadth = seen(CohortSize(7, 8), 2, 7, 0.1)
    assert seen(breadth, 1, 7, 10.0).now(1000) == 7
    assert seen(breadth, REMEMBERED, 1, 60.0).now(1000) == 1
    assert seen(breadth, 1, 4, 30.0, 2).now(1000) == 2
    assert seen(breadth, 1, 1, 60.0).now(1000) == 2
    assert seen(breadth, 1, 3, 40.0, 3).now(1000) == 7
