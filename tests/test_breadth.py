"""How many trials go out together: many where that pays, one where it does not."""

from __future__ import annotations

import pytest

from search_spaces.breadth import REMEMBERED, Breadth, num_legs


def test_before_anything_is_known_there_are_as_many_as_may_be() -> None:
    assert Breadth(7, 8).now(1000) == 7


@pytest.mark.parametrize(
    ("each_s", "fused", "limit"),
    [(60.0, 1, 1), (60.0, 4, 4), (60.0, 7, 7), (0.2, 1, 3), (0.01, 1, 7), (0.0, 1, 7), (0.3, 4, 4)],
)
def test_members_pay_in_one_program_or_in_short_legs(each_s: float, fused: int, limit: int) -> None:
    breadth = Breadth(7, 8)
    breadth.seen(7, 7 * each_s, fused)
    assert breadth.now(1000) == limit


def test_one_slow_leg_decides_nothing_and_a_leg_of_one_says_nothing_of_fusing() -> None:
    breadth = Breadth(7, 8)
    for seconds in (0.7, 0.7, 70.0):
        breadth.seen(7, seconds, 1)
    assert breadth.now(1000) == 5
    for _ in range(REMEMBERED):
        breadth.seen(1, 60.0, 1)
    assert breadth.now(1000) == 1
    breadth.seen(4, 120.0, 2)
    breadth.seen(1, 60.0, 1)
    assert breadth.now(1000) == 2
    breadth.seen(3, 120.0, 3)
    assert breadth.now(1000) == 7


def test_the_last_trials_go_out_one_by_one() -> None:
    assert [Breadth(7, 8).now(left) for left in (60, 40, 17, 15, 1)] == [7, 5, 2, 1, 1]
    assert [Breadth(7, 0).now(left) for left in (60, 1)] == [7, 7]
    assert (num_legs(60, 7, 8), num_legs(60, 7, 0), num_legs(1, 1, 8)) == (27, 9, 1)
