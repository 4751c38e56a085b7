"""Samplers of several objectives: they spread along a front, keep to constraints, and need only the history."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from search_spaces.criteria.front import hypervolume
from search_spaces.samplers.catalogue import SAMPLERS, sampler
from search_spaces.samplers.history import History, Observation
from search_spaces.samplers.several.genetic import Genetic, _crowding, _directions
from search_spaces.space.domains import Choice, Uniform
from search_spaces.space.space import Space
from search_spaces.types.objective import Objective
from tests.helpers.toy_race import METHODS

SPACE = Space({name: Uniform(0, 1) for name in "abcd"})
FIRST, SECOND = Objective("first", "maximize"), Objective("second", "minimize")
LEARNING = [name for name in METHODS if SAMPLERS[name].several and SAMPLERS[name].learns]


def values(params: Any) -> tuple[float, float]:
    """A front where b to d are 0.3, along a."""
    away = sum((float(params[name]) - 0.3) ** 2 for name in "bcd")
    return -(float(params["a"]) ** 2 + away), (float(params["a"]) - 1) ** 2 + away


def seen(params: Any, bound: float = 9.0) -> Observation:
    vector, excess = values(params), float(params["a"]) - bound
    if excess > 0:
        return Observation(params, "infeasible", {}, None, {"a": excess})
    return Observation(params, "done", {1: vector[0]}, vector[0], {"a": excess}, vectors={1: vector})


def searched(method: str, num: int, seed: int, bound: float = 9.0) -> History:
    history = History()
    asked = sampler(method, SPACE, FIRST, seed, (1,), (SECOND,))
    for number in range(num):
        [params] = asked.ask(history, 1, {})
        history.put(number, seen(params, bound))
    return history


def mirror(one: Observation) -> Observation:
    vectors = {epoch: tuple(-value for value in vector) for epoch, vector in one.vectors.items()}
    return replace(one, values={1: vectors[1][0]}, best_value=vectors[1][0], vectors=vectors)


def volume(history: History) -> float:
    points = np.array([[-one.vector[0], one.vector[1]] for one in history.seen.values() if one.vector])
    return hypervolume(points, np.array([1.5, 1.5]))


@pytest.mark.parametrize("method", LEARNING)
def test_a_sampler_that_learns_finds_more_of_the_front_than_chance(method: str) -> None:
    num = 40 if method == "gp" else 80
    found, chance = ([volume(searched(name, num, seed)) for seed in range(2)] for name in (method, "random"))
    assert np.mean(found) > np.mean(chance)


@pytest.mark.parametrize("method", LEARNING)
def test_forbidden_places_are_left(method: str) -> None:
    history = searched(method, 40, 0, bound=0.4)
    late = [one for number, one in history.seen.items() if number >= 24]
    assert sum(one.state == "infeasible" for one in late) < 0.6 * len(late)


@pytest.mark.parametrize(
    "method", [name for name in METHODS if SAMPLERS[name].several and not SAMPLERS[name].finite_only]
)
def test_the_history_is_all_that_a_sampler_needs_and_goals_mirror_each_other(method: str) -> None:
    history = searched(method, 26, 3)
    again = History(history.seen.values())
    found = sampler(method, SPACE, FIRST, 3, (1,), (SECOND,)).ask(history, 2, {})
    assert found == sampler(method, SPACE, FIRST, 3, (1,), (SECOND,)).ask(again, 2, {})
    least, most = replace(FIRST, goal="minimize"), replace(SECOND, goal="maximize")
    mirrored = History(mirror(one) for one in history.seen.values())
    assert found == sampler(method, SPACE, least, 3, (1,), (most,)).ask(mirrored, 2, {})


@pytest.mark.parametrize("niches", [False, True])
def test_survivors_are_the_front_and_its_ends(niches: bool) -> None:
    points = [(-x, 1 - x) for x in np.linspace(0, 1, 11)] + [(-2.0, 2.0)] * 5
    known = [Observation({}, "done", {}, first, vectors={1: (first, second)}) for first, second in points]
    known.append(Observation({}, "infeasible", {}, None, {"x": 1.0}))
    genetic = Genetic((FIRST, SECOND), 6, niches)
    alive = genetic.survivors(known)
    assert len(alive) == 6 and set(alive) <= set(range(11)) and {0, 10} <= set(alive)
    assert Genetic((FIRST, SECOND), 17, niches).survivors(known)[-1] == 16


def test_the_ends_of_a_front_are_never_crowded() -> None:
    assert np.isinf(_crowding(np.array([[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]]))[[0, 2]]).all()


@pytest.mark.parametrize("num_objectives", [1, 2, 3, 4])
def test_directions_are_spread_evenly(num_objectives: int) -> None:
    found = _directions(num_objectives)
    assert len(found) >= (1 if num_objectives == 1 else 50) and len(np.unique(found, axis=0)) == len(found)
    assert np.allclose(np.linalg.norm(found, axis=1), 1) and (found >= 0).all()


@pytest.mark.parametrize("method", ["nsga2", "nsga3"])
def test_genetic_algorithms_search_one_objective_and_categories_too(method: str) -> None:
    space, history = Space({"x": Uniform(0, 1), "kind": Choice(("a", "b", "c"))}), History()
    asked = sampler(method, space, FIRST, 0)
    for number in range(60):
        [params] = asked.ask(history, 1, {})
        value = -abs(float(params["x"]) - 0.7) + (params["kind"] == "b")
        history.put(number, Observation(params, "done", {1: value}, value))
    found = [history.seen[number].best_value or 0.0 for number in range(60)]
    assert np.mean(found[40:]) > np.mean(found[:20]) + 0.15


def test_a_few_huge_values_leave_the_objectives_their_scale() -> None:
    """With the scale of the huge ones all others were equal in the second objective, which had no part any more."""
    history = searched("gp", 30, 1)
    huge = [dict.fromkeys("abcd", 0.99 - i / 500) for i in range(3)]
    for i, params in enumerate(huge):
        vector = (-4.0, 1e9 * (i + 1))
        history.put(30 + i, Observation(params, "done", {1: vector[0]}, vector[0], vectors={1: vector}))
    for number in range(33, 40):
        [params] = sampler("gp", SPACE, FIRST, 1, (1,), (SECOND,)).ask(history, 1, {})
        history.put(number, seen(params))
    late = [float(str(one.params["a"])) for number, one in history.seen.items() if number >= 33]
    assert max(late) > 0.6, "the second objective is best at 1"
