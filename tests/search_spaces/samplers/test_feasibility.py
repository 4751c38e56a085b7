"""Constraints are learned from their own values: a sampler goes up to the edge of what is allowed, not past it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from search_spaces.samplers.catalogue import sampler
from search_spaces.samplers.history import History, Observation
from search_spaces.samplers.model.feasibility import Feasibility
from search_spaces.space.domains import Uniform
from search_spaces.space.space import Space
from search_spaces.types.objective import Objective
from tests.benchmarks.constrained import PROBLEMS, regrets

LINE, RATE = Space({"x": Uniform(0, 1)}), np.random.default_rng(0)


@pytest.mark.parametrize("unit", [1.0, 1e9, 1e-9])
def test_the_probability_that_a_constraint_is_kept(unit: float) -> None:
    places = np.linspace(0, 1, 9)[:, None]
    excess = [{"size": unit * (float(place[0]) - 0.6) ** 3, "free": -1.0} for place in places]
    chance = np.exp(Feasibility(places, excess, np.array([False]), RATE).log_probability(np.array([[0.1], [0.9]])))
    assert chance[0] > 0.9 and chance[1] < 0.1
    assert Feasibility(places, [{"size": -1.0}] * 9, np.array([False]), RATE).log_probability(
        np.zeros((2, 1))
    ).tolist() == [0, 0]


def test_a_search_finds_the_edge_of_what_is_allowed() -> None:
    """Where what is not allowed counts as the worst there is, the model keeps away from its edge."""
    [late] = regrets(PROBLEMS["gramacy"], "auto", 20, [20], seeds=range(2))
    assert late < 0.1


def test_before_any_trial_is_feasible_it_is_what_is_sought() -> None:
    history = History(Observation({"x": i / 10}, "infeasible", {}, None, {"c": 1.5 - i / 10}) for i in range(10))
    (found,) = sampler("gp", LINE, Objective("m", "maximize"), 0, (1,)).ask(history, 1, {})
    assert math.isclose(float(str(found["x"])), 1.0, abs_tol=0.1)
