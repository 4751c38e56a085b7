"""Ends a search when no configuration is likely to be much better than the best one.

The bound is that of Makarova et al. 2022, "Automatic Termination for Hyperparameter Optimization": the lowest upper
confidence bound of the trials minus the lowest lower one of the space, for an objective to minimise, by a Gaussian
process over configurations and epochs; both are of the value after the last epoch. The bounds are
``sqrt(beta)`` standard deviations wide, ``beta = 0.4 log(d t**2 pi**2 / 0.6)`` for d hyperparameters and t trials,
as there and in Optuna. It holds as far as the model does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from search_spaces.race.track import Track
from search_spaces.types.objective import Objective, bounded

if TYPE_CHECKING:
    import numpy as np

    from search_spaces.space.space import Space

LEAST = 20
"""Number of trials with a value before which the model is not asked."""
EVERY = 0.05
"""The model is asked anew after so many more trials, as a share of those before, and one at the least."""
MAX_POINTS, MAX_FITTED = 160, 64
"""Largest number of observations of the model, those after the most epochs, and of those that it is fitted to."""
NUM_CANDIDATES, NUM_NEAR, WIDTHS = 2000, 200, (0.15, 0.04, 0.01)
"""Numbers of random configurations and of those near the best trial, at each width, that are compared."""
SURE = "no configuration is likely to be better by more than"
NOISE, DELTA, SCALE = -4.0, 0.1, 0.4


class Regret:
    """Bounds how much better than the best trial any configuration can be, in the objective's unit."""

    def __init__(self, limit: float, space: Space, objective: Objective, seed: int, last_epoch: int) -> None:
        self._limit, self._space, self._objective = limit, space, objective
        self._seed, self._last = seed, last_epoch
        self._tracks: dict[int, Track] = {}
        """Trials that have ended or wait at a rung, and have a value."""
        self._next = LEAST
        self.bound: float | None = None
        """The latest bound; None before the first."""

    def reported(self, track: Track, epoch: int, value: float) -> None:
        """Wait for the rung."""

    def moved(self, track: Track) -> None:
        """Take note of a trial that waits at a rung."""
        if track.waiting:
            self._note(track)

    def ended(self, track: Track) -> None:
        """Take note of a trial that has ended."""
        if not track.failed and track.values:
            self._note(track)

    def _note(self, track: Track) -> None:
        if self._space.contains(track.searched):  # it may have been drawn before an edit, or be the defaults
            self._tracks[track.index] = track

    def reason(self) -> str | None:
        """Return why the search ends, once the bound is below the limit."""
        if len(self._tracks) >= self._next:
            from search_spaces.numerics.threads import one_thread  # 300 ms: SciPy

            self._next = len(self._tracks) + max(1, int(EVERY * len(self._tracks)))
            with one_thread():
                self.bound = self._bounded()
        if self.bound is None or not self.bound < self._limit:
            return None
        return f"{SURE} {self._limit:g} (regret bound {self.bound:.3g})"

    def _able(self) -> dict[int, Track]:
        """Return the trials that tell of the space, by index: none of another one, and none that is infeasible."""
        those = {index: track for index, track in self._tracks.items() if self._space.contains(track.searched)}
        return {index: track for index, track in those.items() if not (track.failed or track.breaks())}

    def _bounded(self) -> float:
        able = self._able()
        if len(able) < LEAST or not self._space.domains:
            return math.inf
        import numpy as np  # 60 ms

        from search_spaces.numerics.gaussian_process import GaussianProcess, Prior, fitted  # 300 ms: SciPy
        from search_spaces.samplers.points import Points  # 300 ms: SciPy

        rng = np.random.default_rng([self._seed, len(able)])
        points = Points(self._space, self._seed)
        rows = sorted(self._rows(able))[:MAX_POINTS]
        places = {index: points.cube.place(able[index].searched) for _, _, index in rows}
        located = np.array([[*places[index], self._time(-order)] for order, _, index in rows])
        values, unit = standard(np.array([value for _, value, _ in rows]))
        is_category = np.append(points.cube.is_category, False)
        few = np.sort(rng.permutation(len(rows))[:MAX_FITTED])
        theta = fitted(located[few], values[few], is_category, Prior.of(located.shape[1], NOISE))
        model = GaussianProcess.posterior(located, values, is_category, theta)

        def at_end(places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            mean, spread = model.predict(np.column_stack([places, np.ones(len(places))]))
            return mean, _width(len(points.cube.names), len(able)) * spread

        tried = np.array(list(places.values()))
        mean, width = at_end(tried)
        best = tried[np.argmin(mean)]
        near = [points.cube.near(best, NUM_NEAR, spread, 0.5, rng) for spread in WIDTHS]
        every = np.concatenate([points.uniform(rng, NUM_CANDIDATES), *near])
        if self._space.when:
            every = np.array([points.cube.place(points.cube.params(point)) for point in every])
        lowest_mean, lowest_width = at_end(np.concatenate([every, tried]))
        return float(unit * ((mean + width).min() - (lowest_mean - lowest_width).min()))

    def _rows(self, able: Mapping[int, Track]) -> list[tuple[int, float, int]]:
        """Return (epoch with the sign changed, signed best value up to it, index) of each trial and rung."""
        found = []
        for index, track in able.items():
            own = track.exploits[0].epoch if track.exploits else self._last  # then it had others' values
            reached = {rung: -score for rung, score in track.scores.items() if rung <= own}
            if not track.exploits:
                reached[max(track.values)] = self._objective.signed(track.best_value)
            for epoch, best in reached.items():
                if math.isfinite(best):  # else it broke a constraint there
                    found.append((-epoch, bounded(best), index))
        return found

    def _time(self, epoch: int) -> float:
        return math.log(epoch) / math.log(self._last) if self._last > 1 else 1.0


def _width(num_parameters: int, num_trials: int) -> float:
    """Return the number of standard deviations of the bounds."""
    return math.sqrt(max(0.0, SCALE * math.log(num_parameters * num_trials**2 * math.pi**2 / 6 / DELTA)))


def standard(values: np.ndarray) -> tuple[np.ndarray, float]:
    """Return values to minimise (n,) with mean 0 and spread 1, and the unit of these in the objective's.

    How bad the worst are says little of where the best is: they are cut at 1.5 quartile distances above the upper
    quartile.
    """
    import numpy as np  # 60 ms

    low, high = np.quantile(values, [0.25, 0.75])
    cut = np.minimum(values, high + 1.5 * (high - low) if high > low else high)
    unit = float(cut.std()) or 1.0
    return (cut - cut.mean()) / unit, unit
