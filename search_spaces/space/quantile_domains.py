"""Domains with distributions that Optuna lacks: normal, log-normal, beta, and rounded ones.

Optuna samples a quantile in [0, 1], which ``to_value`` maps to the value by the inverse distribution function. So
samplers that learn see each of them as a uniform interval. Rounded keeps the internal value of its inner domain.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from search_spaces.space.domain_contract import DecimalGrid, Domain, DomainFault, decimal_step, is_number
from search_spaces.space.domains import Uniform
from search_spaces.types.values import Value

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

_TAIL = 1e-9
"""Quantiles closer than this to 0 or 1 are cut, so that an unbounded normal ends at six standard deviations."""


@dataclass(frozen=True)
class Normal:
    """Normal distribution with mean ``mu`` and standard deviation ``sigma``, truncated at ``low`` and ``high``.

    With ``log`` it is the distribution of the value's natural logarithm; ``low`` and ``high`` are bounds of the
    value itself. None: not truncated there.
    """

    mu: float
    sigma: float
    low: float | None = None
    high: float | None = None
    log: bool = False

    def __post_init__(self) -> None:
        if not is_number(self.mu):
            raise DomainFault("mu", "must be a finite number", self.mu)
        if not is_number(self.sigma) or self.sigma <= 0:
            raise DomainFault("sigma", "must be a number > 0", self.sigma)
        if self.log and abs(self.mu) + 7 * self.sigma > 700:
            raise DomainFault("sigma", "must keep exp(mu + 6 sigma) a finite number", self.sigma)
        for field, cut in (("min", self.low), ("max", self.high)):
            if cut is not None and (not is_number(cut) or (self.log and cut <= 0)):
                raise DomainFault(field, "must be a number > 0" if self.log else "must be a finite number", cut)
        first, last = self._ends
        if last - first < 1e-6:
            raise DomainFault("max", "must leave some of the law between min and max", self.high)

    def __str__(self) -> str:
        cut = "" if self.low is None and self.high is None else f", cut to {self.bounds[0]:g} .. {self.bounds[1]:g}"
        return f"{'log-' if self.log else ''}normal, mu {self.mu:g}, sigma {self.sigma:g}{cut}"

    @property
    def _ends(self) -> tuple[float, float]:
        law = NormalDist(self.mu, self.sigma)
        first = _TAIL if self.low is None else law.cdf(self._inner(self.low))
        last = 1 - _TAIL if self.high is None else law.cdf(self._inner(self.high))
        return max(first, _TAIL), min(last, 1 - _TAIL)

    def _inner(self, value: float) -> float:
        return math.log(value) if self.log else value

    @property
    def bounds(self) -> tuple[float, float]:
        return self.to_value(0.0), self.to_value(1.0)

    @property
    def distribution(self) -> BaseDistribution:
        return _quantile()

    def to_value(self, internal: Any) -> float:
        first, last = self._ends
        drawn = NormalDist(self.mu, self.sigma).inv_cdf(first + internal * (last - first))
        value = math.exp(drawn) if self.log else drawn
        return min(
            max(value, -math.inf if self.low is None else self.low), math.inf if self.high is None else self.high
        )

    def to_internal(self, value: Value) -> float:
        assert is_number(value), value
        first, last = self._ends
        quantile = NormalDist(self.mu, self.sigma).cdf(self._inner(value))
        return _clipped((quantile - first) / (last - first))

    def at(self, quantile: float) -> float:
        return self.to_value(quantile)

    def contains(self, value: Value) -> bool:
        return _within(value, self.bounds)

    def grid(self) -> Sequence[Value]:
        raise DomainFault("values", "are needed instead of a continuous law")

    def spec(self) -> dict[str, Any]:
        cuts = {key: cut for key, cut in (("min", self.low), ("max", self.high)) if cut is not None}
        return {"distribution": "log_normal" if self.log else "normal", "mu": self.mu, "sigma": self.sigma, **cuts}


@dataclass(frozen=True)
class Beta:
    """Beta distribution on [0, 1] with shape parameters ``a`` and ``b``."""

    a: float
    b: float
    log = False

    def __post_init__(self) -> None:
        for field, shape in (("a", self.a), ("b", self.b)):
            if not is_number(shape) or shape <= 0:
                raise DomainFault(field, "must be a number > 0", shape)

    def __str__(self) -> str:
        return f"beta, a {self.a:g}, b {self.b:g}"

    bounds = (0.0, 1.0)

    @property
    def distribution(self) -> BaseDistribution:
        return _quantile()

    def to_value(self, internal: Any) -> float:
        from scipy.special import betaincinv

        return float(betaincinv(self.a, self.b, internal))

    def to_internal(self, value: Value) -> float:
        from scipy.special import betainc

        return _clipped(float(betainc(self.a, self.b, value)))

    def at(self, quantile: float) -> float:
        return self.to_value(quantile)

    def contains(self, value: Value) -> bool:
        return _within(value, self.bounds)

    def grid(self) -> Sequence[Value]:
        raise DomainFault("values", "are needed instead of a continuous law")

    def spec(self) -> dict[str, Any]:
        return {"distribution": "beta", "a": self.a, "b": self.b}


@dataclass(frozen=True)
class Rounded:
    """Values of domain ``law`` rounded to the nearest multiple of ``q``, which may exceed its range by q / 2."""

    law: Domain
    q: float

    def __post_init__(self) -> None:
        if not is_number(self.q) or self.q <= 0:
            raise DomainFault("q", "must be a number > 0", self.q)
        low, high = self.bounds
        if low == high:
            raise DomainFault("q", "must leave more than one value", self.q)
        if (high - low) / self.q > 1_000_000:
            raise DomainFault("q", "must make at most 1000000 steps", self.q)

    def __str__(self) -> str:
        return f"{self.law}, rounded to multiples of {self.q:g}"

    @property
    def log(self) -> bool:
        return self.law.log

    @property
    def bounds(self) -> tuple[float, float]:
        assert self.law.bounds is not None
        low, high = self.law.bounds
        return self._rounded(low), self._rounded(high)

    def _rounded(self, value: float) -> float:
        num_steps = round(value / self.q)
        return num_steps * self.q if isinstance(self.q, int) else decimal_step(0, self.q, num_steps)

    @property
    def distribution(self) -> BaseDistribution:
        return self.law.distribution

    def to_value(self, internal: Any) -> float:
        drawn = self.law.to_value(internal)
        assert is_number(drawn), drawn
        return self._rounded(drawn)

    def to_internal(self, value: Value) -> Any:
        assert is_number(value) and self.law.bounds is not None, value
        low, high = self.law.bounds
        return self.law.to_internal(min(max(value, low), high))

    def at(self, quantile: float) -> float:
        drawn = self.law.at(quantile)
        assert is_number(drawn), drawn
        return self._rounded(drawn)

    def contains(self, value: Value) -> bool:
        return (
            is_number(value)
            and _within(value, self.bounds)
            and math.isclose(value, self._rounded(value), abs_tol=1e-12)
        )

    def grid(self) -> Sequence[float]:
        if not isinstance(self.law, Uniform) or self.law.log:
            raise DomainFault("values", "are needed instead of a continuous law")
        low, high = self.bounds
        if isinstance(self.q, int):
            return range(int(low), int(high) + 1, self.q)
        return DecimalGrid(low, high, self.q)

    def spec(self) -> dict[str, Any]:
        plain = self.law.spec()
        return {**plain, "distribution": f"q_{plain['distribution']}", "q": self.q}


def _quantile() -> BaseDistribution:
    from optuna.distributions import FloatDistribution

    return FloatDistribution(0.0, 1.0)


def _clipped(quantile: float) -> float:
    return min(max(quantile, 0.0), 1.0)


def _within(value: Value, bounds: tuple[float, float]) -> bool:
    return is_number(value) and bounds[0] <= value <= bounds[1]
