"""What is expected of configurations: an improvement after the last epoch, and that they keep the constraints."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from search_spaces.numerics.gaussian_process import log_expected_improvement
from search_spaces.samplers.model.curve_model import CurveModel
from search_spaces.samplers.model.feasibility import Feasibility
from search_spaces.samplers.model.rung_values import RungValues

Score = Callable[[np.ndarray], np.ndarray]
"""Function of points (n, d) that returns how promising they are (n,)."""


class Outlook:
    """Expected improvement times the probability of feasibility (Gardner et al. 2014); the latter alone at first.

    ``seen`` must know a trial. The improvement is on the best mean of any trial that keeps the constraints.
    """

    def __init__(
        self, seen: RungValues, last_epoch: int, is_category: np.ndarray, rng: np.random.Generator
    ) -> None:
        self._model = CurveModel(seen, last_epoch, is_category, rng) if seen.rows else None
        self._tried = np.array([seen.places[number] for number in seen.excess])
        self._feasibility = Feasibility(self._tried, list(seen.excess.values()), is_category, rng)

    def begin(self, points: np.ndarray) -> None:
        """Take configurations (n, d) as training now."""
        if self._model:
            self._model.begin(points)

    def question(self, count: int) -> tuple[np.ndarray, Score]:
        """Return the ``count`` best configurations (count, d) to look around, and how promising others are."""
        chance, model = self._feasibility.log_probability, self._model
        if model is None:
            return self._tried[np.argsort(-chance(self._tried), kind="stable")[:count]], chance
        known = np.concatenate([model.tried, model.begun])
        means = model.mean_at_end(known)
        incumbent = means.min()

        def score(points: np.ndarray) -> np.ndarray:
            return np.asarray(log_expected_improvement(*model.at_end(points), incumbent) + chance(points))

        return known[np.argsort(means, kind="stable")[:count]], score
