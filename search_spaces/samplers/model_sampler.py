"""Proposes the configurations of which a model expects the largest improvement after the last epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import qmc

from search_spaces.samplers.cube import Cube
from search_spaces.samplers.curve_model import CurveModel
from search_spaces.samplers.gaussian_process import log_expected_improvement
from search_spaces.samplers.grid import Leftovers
from search_spaces.samplers.history import History, Identity, identity
from search_spaces.samplers.rung_values import RungValues
from search_spaces.space.space import Space
from search_spaces.types.objective import Objective
from search_spaces.types.values import Params

NUM_RANDOM = 200
"""Number of candidates anywhere in the space."""
NUM_TOP, NUM_NEAR, WIDTHS = 4, 25, (0.15, 0.04)
"""Numbers of the best trials and of candidates near each, at each of these widths."""
NUM_CLIMB, CLIMB_WIDTHS = 60, (0.06, 0.02)
"""Number of neighbours of the best candidate so far in each round of hill climbing."""


class ModelSampler:
    """A sampler by a model of the objective at the rungs of a schedule. It needs a space without conditions."""

    def __init__(self, space: Space, objective: Objective, seed: int, rungs: Sequence[int], num_start: int) -> None:
        self._cube, self._objective, self._seed = Cube(space), objective, seed
        self._rungs, self._num_start = tuple(rungs), num_start
        self._left = Leftovers(space, seed)
        self._seen: RungValues | None = None

    def ask(self, history: History, count: int, held: Params, beside: Sequence[Params] = ()) -> list[Params]:
        """Return new configurations, each as if those before it, and those ``beside`` them, were training."""
        rng = np.random.default_rng([self._seed, len(history)])
        model = self._model(history, beside, rng)
        found: dict[Identity, Params] = {identity(params): params for params in beside}
        count = len(found) + int(min(count, self._left.num(history, held)))
        while len(found) < count:
            place = len(history) + len(found)
            points = self._improving(model, held, rng) if model else self._sobol(place, held, rng)
            params = self._new(points, history, found) or self._left.one(history, held, found)
            if params is None:
                break
            found[identity(params)] = params
            if model:
                model.begin(self._cube.place(params)[None])
        return list(found.values())[len(beside) :]

    def _model(self, history: History, beside: Sequence[Params], rng: np.random.Generator) -> CurveModel | None:
        """Return the model of the history; None where it knows too little."""
        if self._seen is None or self._seen.history is not history:
            self._seen = RungValues(self._cube, self._objective, self._rungs, history)
        self._seen.look()
        if self._seen.num_known < self._num_start:
            return None
        model = CurveModel(self._seen, self._rungs[-1], self._cube.is_category, rng)
        if beside:
            model.begin(np.stack([self._cube.place(params) for params in beside]))
        return model

    def _new(self, points: np.ndarray, history: History, found: Mapping[Identity, Params]) -> Params | None:
        """Return the first of the ``points`` that no trial has."""
        configurations = map(self._cube.params, points)
        return next((p for p in configurations if not history.has(p) and identity(p) not in found), None)

    def _sobol(self, place: int, held: Params, rng: np.random.Generator) -> np.ndarray:
        """Return the Sobol sequence's point at ``place``, and random ones in case that it was tried."""
        sequence = qmc.Sobol(len(self._cube.names), seed=self._seed)
        units = sequence.fast_forward(place).random(1) if place else sequence.random(1)
        return self._held(self._cube.spread(np.concatenate([units, self._uniform(rng)])), held)

    def _uniform(self, rng: np.random.Generator) -> np.ndarray:
        return rng.random((NUM_RANDOM, len(self._cube.names)))

    def _improving(self, model: CurveModel, held: Params, rng: np.random.Generator) -> np.ndarray:
        """Return candidates, those with the largest expected improvement first."""
        means = model.at_end(model.tried)[0]
        incumbent, tops = means.min(), model.tried[np.argsort(means, kind="stable")[:NUM_TOP]]

        def score(points: np.ndarray) -> np.ndarray:
            return log_expected_improvement(*model.at_end(points), incumbent)

        near = [self._cube.near(top, NUM_NEAR, width, 0.5, rng) for top in tops for width in WIDTHS]
        points = self._held(np.concatenate([self._cube.spread(self._uniform(rng)), *near]), held)
        scores = score(points)
        for width in CLIMB_WIDTHS:
            around = self._cube.near(points[np.argmax(scores)], NUM_CLIMB, width, 0.6, rng)
            around = self._held(around, held)
            points, scores = np.concatenate([points, around]), np.concatenate([scores, score(around)])
        return points[np.argsort(-scores, kind="stable")]

    def _held(self, points: np.ndarray, held: Params) -> np.ndarray:
        for place, (name, axis) in enumerate(zip(self._cube.names, self._cube.axes, strict=True)):
            if name in held:
                points[:, place] = axis.place(held[name])
        return points
