"""A space as the unit cube: one coordinate a hyperparameter, for models of numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from search_spaces.space.domain_contract import Domain, is_number
from search_spaces.space.domains import Choice, Int
from search_spaces.space.quantile_domains import Rounded
from search_spaces.space.space import Space
from search_spaces.types.values import Params, Value


@dataclass(frozen=True)
class Axis:
    """The coordinate of one hyperparameter: a place in [0, 1], or the code of a category."""

    domain: Domain

    @cached_property
    def levels(self) -> tuple[Value, ...]:
        """Values of a choice, numbers in order; empty for a range."""
        if not isinstance(self.domain, Choice):
            return ()
        return tuple(self.domain.values[place] for place in self._order)

    @cached_property
    def _order(self) -> Sequence[int]:
        """Places of a choice's values in the order of the levels."""
        assert isinstance(self.domain, Choice)
        places = range(len(self.domain.values))
        return sorted(places, key=self.domain.values.__getitem__) if self._is_ranked else places  # type: ignore[arg-type]

    @property
    def _is_ranked(self) -> bool:
        """Whether the values of a choice are numbers in an order, which 1 and 1.0 have not."""
        assert isinstance(self.domain, Choice)
        values = self.domain.values
        return all(map(is_number, values)) and len(set(values)) == len(values)

    @property
    def is_category(self) -> bool:
        """Whether the coordinate is the code of a category: a choice that is not among numbers."""
        return isinstance(self.domain, Choice) and not self._is_ranked

    @cached_property
    def _ends(self) -> tuple[float, float]:
        half = 0.5 * (self._law.step or 0)
        low, high = self._law.low - half, self._law.high + half
        return (math.log(low), math.log(high)) if self._law.log else (low, high)

    @cached_property
    def _law(self) -> Any:
        """Optuna's distribution of the internal value: of numbers, as choices have levels."""
        return self.domain.distribution

    def step(self, place: float) -> float:
        """Return the distance to the next number at ``place``; 0 where they are continuous, or categories."""
        if self.levels:
            return 0.0 if self.is_category else 1 / len(self.levels)
        if isinstance(self.domain, Rounded):
            value = self.domain.to_value(self._inner(np.array(place)))
            beside = [self.place(value + q) for q in (self.domain.q, -self.domain.q)]
            return max(abs(other - self.place(value)) for other in beside)
        if not self._law.step:
            return 0.0
        (low, high), step = self._ends, self._law.step
        return (math.log1p(step / float(self._inner(np.array(place)))) if self._law.log else step) / (high - low)

    def place(self, value: Value) -> float:
        """Return the coordinate of a value."""
        if self.levels:
            assert isinstance(self.domain, Choice)
            index = self._order.index(self.domain.place(value))
            return float(index) if self.is_category else (index + 0.5) / len(self.levels)
        internal, (low, high) = float(self.domain.to_internal(value)), self._ends
        return ((math.log(internal) if self._law.log else internal) - low) / (high - low)

    def value(self, place: float) -> Value:
        """Return the value at a coordinate."""
        if self.levels:
            index = place if self.is_category else place * len(self.levels)
            return self.levels[min(int(index), len(self.levels) - 1)]
        inner = float(self._inner(np.array(place)))
        return self.domain.to_value(round(inner) if isinstance(self.domain, Int) else inner)

    def values(self, places: np.ndarray) -> list[Value]:
        """Return the values at coordinates (n,)."""
        if self.levels:
            return [self.value(place) for place in places.tolist()]
        whole = isinstance(self.domain, Int)
        return [self.domain.to_value(round(inner) if whole else inner) for inner in self._inner(places).tolist()]

    def _inner(self, places: np.ndarray) -> np.ndarray:
        """Return the internal values at coordinates in [0, 1], on the steps of the law."""
        low, high = self._ends
        inner = low + places * (high - low)
        inner = np.clip(np.exp(inner) if self._law.log else inner, self._law.low, self._law.high)
        if not self._law.step:
            return inner
        return np.asarray(self._law.low + np.round((inner - self._law.low) / self._law.step) * self._law.step)

    @cached_property
    def _shares(self) -> np.ndarray:
        """Ends of the levels' intervals of [0, 1], each as long as the level's probability."""
        odds = self.domain.probabilities if isinstance(self.domain, Choice) else None
        return np.cumsum([odds[place] if odds else 1 / len(self.levels) for place in self._order])

    def drawn(self, units: np.ndarray) -> np.ndarray:
        """Return the coordinates (n,) at numbers (n,) in [0, 1)."""
        if not self.levels:
            return self.snapped(units)
        codes = np.minimum(np.searchsorted(self._shares, units, side="right"), len(self.levels) - 1)
        return np.asarray(codes + 0.0 if self.is_category else (codes + 0.5) / len(self.levels))

    def unit(self, place: float) -> float:
        """Return the number in [0, 1) in the middle of those that are drawn as ``place``."""
        if not self.levels:
            return place
        code = int(place if self.is_category else place * len(self.levels))
        return float(self._shares[code] - 0.5 * np.diff(self._shares, prepend=0)[code])

    def snapped(self, places: np.ndarray) -> np.ndarray:
        """Return the coordinates (n,) of the values at ``places`` (n,)."""
        if self.is_category:
            return np.asarray(np.minimum(np.floor(places), len(self.levels) - 1))
        if self.levels:
            codes = np.minimum(np.floor(places * len(self.levels)), len(self.levels) - 1)
            return np.asarray((codes + 0.5) / len(self.levels))
        if isinstance(self.domain, Rounded):
            return np.array([self.place(self.value(place)) for place in places.tolist()])
        if not self._law.step:
            return places
        (low, high), inner = self._ends, self._inner(places)
        return np.asarray(((np.log(inner) if self._law.log else inner) - low) / (high - low))


class Cube:
    """The configurations of a space as rows of coordinates.

    A parameter that does not exist in a configuration is taken as being in the middle, or the first category.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self.names = tuple(space.domains)
        self.axes = tuple(Axis(domain) for domain in space.domains.values())
        self.is_category = np.array([axis.is_category for axis in self.axes])
        self._spans = np.array([len(axis.levels) if axis.is_category else 1.0 for axis in self.axes])
        self._absent = self.snapped(np.where(self.is_category, 0.0, 0.5)[None])[0]

    def place(self, params: Params) -> np.ndarray:
        """Return the coordinates (d,) of a configuration."""
        named = zip(self.names, self.axes, self._absent, strict=True)
        return np.array([axis.place(params[name]) if name in params else absent for name, axis, absent in named])

    def params(self, point: np.ndarray) -> Params:
        """Return the configuration at coordinates (d,), with the parameters that exist in it."""
        named = zip(self.names, self.axes, point.tolist(), strict=True)
        params = {name: axis.value(x) for name, axis, x in named}
        return self._space.active(params) if self._space.when else params

    def parts(self, points: np.ndarray, places: Sequence[int]) -> Iterator[Params]:
        """Yield of each configuration at ``points`` (n, d) the parameters at these ``places`` that exist in it."""
        names = [self.names[i] for i in places]
        for values in zip(*(self.axes[i].values(points[:, i]) for i in places), strict=True):
            params = dict(zip(names, values, strict=True))
            yield self._space.active(params) if self._space.when else params

    def params_with(self, point: np.ndarray, held: Params) -> Params | None:
        """Return the configuration at a point with the ``held`` values as given, without rounding.

        None where one of these does not exist in it.
        """
        params = self.params(point)
        return {**params, **held} if params.keys() >= held.keys() else None

    def holding(self, points: np.ndarray, held: Params) -> np.ndarray:
        """Return the points (n, d) with the coordinates of the ``held`` values."""
        named = zip(self.names, self.axes, strict=True)
        given = [axis.place(held[name]) if name in held else np.nan for name, axis in named]
        return np.where(np.isnan(given), points, given)

    def spread(self, units: np.ndarray) -> np.ndarray:
        """Return the points (n, d) at numbers (n, d) in [0, 1); uniform ones are drawn as the space says."""
        return np.stack([axis.drawn(units[:, i]) for i, axis in enumerate(self.axes)], axis=1)

    def units(self, point: np.ndarray) -> np.ndarray:
        """Return numbers (d,) whose ``spread`` is the point (d,)."""
        return np.array([axis.unit(x) for axis, x in zip(self.axes, point.tolist(), strict=True)])

    def snapped(self, points: np.ndarray) -> np.ndarray:
        """Return the coordinates (n, d) of the configurations at ``points`` (n, d)."""
        return np.stack([axis.snapped(points[:, i]) for i, axis in enumerate(self.axes)], axis=1)

    def near(
        self, point: np.ndarray, count: int, spread: float, share: float, rng: np.random.Generator
    ) -> np.ndarray:
        """Return ``count`` points (count, d) around one (d,): a share of its coordinates changes, by ``spread``.

        A category changes to any other; a number with levels or steps by one at least.
        """
        moved = rng.random((count, len(point))) < share
        moved[np.arange(count), rng.integers(len(point), size=count)] = True
        least = np.array([axis.step(place) for axis, place in zip(self.axes, point, strict=True)])
        steps = rng.normal(0, spread, moved.shape)
        numbers = np.clip(point + np.sign(steps) * np.maximum(np.abs(steps), least), 0, 1)
        codes = (point + 1 + np.floor(rng.random(moved.shape) * (self._spans - 1))) % np.maximum(self._spans, 1)
        return self.snapped(np.where(moved, np.where(self.is_category, codes, numbers), point))
