"""Asks a sampler of one objective about several: about another weighting of them for each trial (ParEGO).

Knowles 2006, "ParEGO: a hybrid algorithm with on-line landscape approximation", section III: the objectives, scaled
to [0, 1] (values far beyond all others have no part in the scale), are joined by the augmented Chebyshev function
with weights drawn at random. So each trial is sought where one part of the front is expected, and all of them
together spread along it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from search_spaces.numerics.gaussian_process import last_near
from search_spaces.samplers.contract import Sampler
from search_spaces.samplers.history import History, Observation
from search_spaces.types.objective import WORST, Objective
from search_spaces.types.values import Params

SCALAR = Objective("scalarised", "minimize")
"""The objective of the sampler that is asked."""
SUM_SHARE = 0.05
"""Weight of the sum beside the largest part, which keeps apart what is equal in that. ParEGO's."""


class Scalarised:
    """A sampler of ``objectives`` by ``inner``, which minimises SCALAR."""

    def __init__(self, inner: Sampler, objectives: Sequence[Objective], seed: int) -> None:
        self.inner, self._objectives, self._seed = inner, tuple(objectives), seed

    def is_blind(self, history: History) -> bool:
        """Whether the inner sampler knows too little."""
        even = np.full(len(self._objectives), 1 / len(self._objectives))
        return self.inner.is_blind(self._joined(history, even))

    def ask(self, history: History, count: int, held: Params) -> list[Params]:
        """Return new configurations, each for other weights, as if those before it were training."""
        found: list[Params] = []
        for place in range(len(history), len(history) + count):
            weights = np.random.default_rng([self._seed, place]).dirichlet(np.ones(len(self._objectives)))
            joined = self._joined(history, weights)
            for params in found:
                joined.put(max(joined.seen, default=-1) + 1, Observation(params, "running", {}))
            new = self.inner.ask(joined, 1, held)
            if not new:
                break
            found += new
        return found

    def _joined(self, history: History, weights: np.ndarray) -> History:
        """Return the history with one value for all objectives, of each trial and epoch."""
        now = [self._signed(seen.vector) for seen in history.seen.values() if seen.vector]
        columns = [np.sort(column) for column in np.transpose(now)]
        low = np.array([column[0] for column in columns])
        high = np.array([last_near(column) for column in columns])
        width = np.where(high > low, high - low, 1.0)

        def joined(vector: Sequence[float]) -> float:
            parts = weights * (self._signed(vector) - low) / width
            return float(np.max(parts) + SUM_SHARE * np.sum(parts))

        found = History()
        for number, seen in history.seen.items():
            values = {epoch: joined(vector) for epoch, vector in seen.vectors.items()}
            best = values[max(values)] if values else None
            observation = Observation(seen.params, seen.state, values, best, seen.constraints, seen.settles)
            found.put(number, observation)
        return found

    def _signed(self, vector: Sequence[float]) -> np.ndarray:
        signed = [one.signed(value) for one, value in zip(self._objectives, vector, strict=True)]
        assert WORST not in signed, vector
        return np.array(signed)
