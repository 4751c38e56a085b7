"""Ranks, order and hypervolume of points, against what they are defined as."""

from __future__ import annotations

import numpy as np
import pytest

from search_spaces.criteria.front import front, hypervolume, ordered, ranks


def drawn(num: int, num_objectives: int, seed: int = 0) -> np.ndarray:
    return np.round(np.random.default_rng(seed).random((num, num_objectives)), 2)


def counted_ranks(points: np.ndarray) -> list[int]:
    """By the definition: each rank is what nothing left dominates."""
    found, left, rank = [0] * len(points), list(range(len(points))), 0
    while left:
        first = [
            i
            for i in left
            if not any((points[j] <= points[i]).all() and (points[j] < points[i]).any() for j in left)
        ]
        for i in first:
            found[i] = rank
        left, rank = [i for i in left if i not in first], rank + 1
    return found


def counted_volume(points: np.ndarray) -> float:
    """The share of a grid's cells, of a tenth a side, that some point dominates."""
    cells = np.stack(np.meshgrid(*[np.arange(10) / 10] * points.shape[1], indexing="ij"), -1)
    return float(np.any([(cells >= point - 1e-9).all(-1) for point in points], axis=0).mean())


@pytest.mark.parametrize("num_objectives", [1, 2, 3, 4])
@pytest.mark.parametrize("num", [1, 7, 40])
def test_ranks_and_volume_are_as_defined(num: int, num_objectives: int) -> None:
    points = np.round(drawn(num, num_objectives), 1)
    assert ranks(points).tolist() == counted_ranks(points)
    assert hypervolume(points, np.ones(num_objectives)) == pytest.approx(counted_volume(points))


def test_the_order_goes_by_ranks_and_spreads_within_each() -> None:
    points = np.array([[0.5, 0.5], [0.0, 1.0], [1.0, 0.0], [0.1, 0.9], [2.0, 2.0]])
    assert ordered(points) == [1, 2, 0, 3, 4]
    assert front(points) == [1, 3, 0, 2]


@pytest.mark.parametrize("seed", range(5))
def test_scale_and_sign_of_an_objective_change_nothing(seed: int) -> None:
    points = drawn(30, 3, seed)
    assert ordered(points) == ordered(points * [1.0, 100.0, 0.01] + [0.0, -5.0, 3.0])


def test_equal_points_are_in_order_of_their_places() -> None:
    assert ordered(np.zeros((3, 2))) == [0, 1, 2] and front(np.zeros((3, 2))) == [0, 1, 2]
    assert ordered(np.zeros((0, 2))) == [] and front(np.zeros((0, 2))) == []
    assert hypervolume(np.zeros((0, 2)), np.ones(2)) == 0.0


def test_points_beyond_the_reference_have_no_volume() -> None:
    assert hypervolume(np.array([[2.0, 0.1], [0.5, 0.5], [0.1, 3.0]]), np.ones(2)) == 0.25
    assert hypervolume(np.array([[2.0, 2.0]]), np.ones(2)) == 0.0


def test_what_is_unknown_is_behind() -> None:
    assert ordered(np.array([[np.inf, np.inf], [1.0, 2.0]])) == [1, 0]
