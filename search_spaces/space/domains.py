"""Domains of hyperparameters that Optuna has itself: uniform, integers (both also in the logarithm) and choices.

Each is checked when it is made, and raises DomainFault. The internal value that Optuna samples equals the
hyperparameter's value, except for choices with probabilities, where it is a quantile in [0, 1].
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from search_spaces.space.domain_contract import (
    MAX_STEPS,
    DecimalGrid,
    DomainFault,
    check_count,
    check_range,
    check_step,
    decimal_step,
    is_number,
    same,
)
from search_spaces.types.values import Value, distinct, unnested

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

T = TypeVar("T")

LARGEST = 2**63 - 1
"""Largest whole number: that of 64 bits, as of seeds."""
EXACT = 2**53
"""Up to here all whole numbers are floats, which is what Optuna's stores and models hold."""


@dataclass(frozen=True)
class Uniform:
    """Uniform between ``low`` and ``high``, both included, or with ``log`` uniform in the logarithm.

    With ``step`` only low, low + step, ..., high; with ``count`` only so many values, ``low`` and ``high`` among
    them, as evenly as the scale is.
    """

    low: float
    high: float
    step: float | None = None
    log: bool = False
    count: int | None = None

    def __post_init__(self) -> None:
        check_range(self.low, self.high)
        if self.step is not None:
            check_step(self.low, self.high, self.step)
        if self.log and self.low <= 0:
            raise DomainFault("min", "must be > 0 for a log scale", self.low)
        if self.log and self.step is not None:
            raise DomainFault("step", "must be left out on a log scale", self.step)
        if self.count is not None:
            check_count(self.count, self.step is not None)

    def __str__(self) -> str:
        step = f" in steps of {self.step:g}" if self.step else ""
        return f"{self.low:g} to {self.high:g}" + step + (", log scale" if self.log else "") + _values(self.count)

    @property
    def bounds(self) -> tuple[float, float]:
        return self.low, self.high

    @property
    def distribution(self) -> BaseDistribution:
        from optuna.distributions import FloatDistribution

        return FloatDistribution(self.low, self.high, log=self.log, step=self.step)

    def to_value(self, internal: Any) -> float:
        if self.step is None:
            return float(internal)
        return decimal_step(self.low, self.step, round((internal - self.low) / self.step))

    def to_internal(self, value: Value) -> float:
        assert is_number(value), value
        return float(value)

    def at(self, quantile: float) -> float:
        if self.log:
            found = self.low * math.exp(quantile * (math.log(self.high) - math.log(self.low)))
            return min(max(found, self.low), self.high)
        if self.step is not None:
            return _nth(self.grid(), quantile)
        return min(max(self.low + quantile * (self.high - self.low), self.low), self.high)

    def contains(self, value: Value) -> bool:
        if not is_number(value) or not self.low <= value <= self.high:
            return False
        if self.count is not None:
            return any(math.isclose(value, one, rel_tol=1e-11, abs_tol=1e-300) for one in self.grid())
        return self.step is None or math.isclose(value, self.to_value(value), abs_tol=1e-9 * self.step)

    def grid(self) -> Sequence[float]:
        if self.count is not None:
            inner = (float(f"{self.at(place / (self.count - 1)):.12g}") for place in range(1, self.count - 1))
            return (self.low, *inner, self.high)
        if self.step is None:
            raise DomainFault("count", "is needed (or values)" if self.log else "or step is needed (or values)")
        return DecimalGrid(self.low, self.high, self.step)

    def spec(self) -> dict[str, Any]:
        keys = {"step": self.step, "count": self.count}
        law = "log_uniform_values" if self.log else "uniform"
        given = {key: value for key, value in keys.items() if value is not None}
        return {"distribution": law, "min": self.low, "max": self.high, **given}


@dataclass(frozen=True)
class Int:
    """Integers ``low``, ``low + step``, ..., ``high``, uniform or, with ``log``, uniform in the logarithm.

    With ``count`` only so many of them, as evenly as the scale is. Optuna's values are floats, which hold whole
    numbers up to 2**53 only: where a range goes beyond, they count from its smallest number.
    """

    low: int
    high: int
    step: int = 1
    log: bool = False
    count: int | None = None

    def __post_init__(self) -> None:
        for field, value in (("min", self.low), ("max", self.high), ("step", self.step)):
            if not isinstance(value, int) or isinstance(value, bool):
                raise DomainFault(field, "must be a whole number", value)
        check_range(self.low, self.high)
        if self.step != 1:
            check_step(self.low, self.high, self.step)
        for field, end in (("min", self.low), ("max", self.high)):
            if abs(end) > LARGEST:
                raise DomainFault(field, f"must lie between -{LARGEST} and {LARGEST}", end)
        if self.log and self.low <= 0:
            raise DomainFault("min", "must be > 0 for a log scale", self.low)
        if self.log and self.step != 1:
            raise DomainFault("step", "must be 1 on a log scale", self.step)
        if self.count is not None:
            check_count(self.count, self.step != 1)
            if len(set(self.grid())) < self.count:
                rule = f"must make different whole numbers from {self.low} to {self.high}"
                raise DomainFault("count", rule, self.count)

    def __str__(self) -> str:
        step = f" in steps of {self.step}" if self.step != 1 else ""
        scale = ", log scale" if self.log else ""
        return f"{self.low} to {self.high}, whole{step}{scale}{_values(self.count)}"

    @property
    def bounds(self) -> tuple[float, float]:
        return self.low, self.high

    @property
    def distribution(self) -> BaseDistribution:
        from optuna.distributions import FloatDistribution, IntDistribution

        if self.high - self.low > MAX_STEPS * self.step:  # TPE has no probability left for one of so many
            return FloatDistribution(self.low - self._first, self.high - self._first, log=self.log)
        return IntDistribution(self.low - self._first, self.high - self._first, log=self.log, step=self.step)

    @property
    def _first(self) -> int:
        """What internal values are counted from: 0, unless there are numbers that are no floats."""
        return self.low if max(-self.low, self.high) > EXACT and not self.log else 0

    def to_value(self, internal: Any) -> int:
        whole: int = self._first + round(internal)
        return min(max(whole, self.low), self.high)

    def to_internal(self, value: Value) -> int:
        assert is_number(value), value
        return int(value) - self._first

    def at(self, quantile: float) -> int:
        if not self.log:
            count = (self.high - self.low) // self.step + 1
            return self.low + min(int(quantile * count), count - 1) * self.step
        low, high = math.log(self.low - 0.5), math.log(self.high + 0.5)
        return min(max(round(math.exp(low + quantile * (high - low))), self.low), self.high)

    def contains(self, value: Value) -> bool:
        if not is_number(value) or value != int(value) or not self.low <= value <= self.high:
            return False
        if self.count is not None:
            return int(value) in self.grid()
        return (int(value) - self.low) % self.step == 0

    def grid(self) -> Sequence[int]:
        if self.count is None:
            if self.high - self.low > MAX_STEPS * self.step:
                raise DomainFault("count", f"is needed (or values) for more than {MAX_STEPS} numbers")
            return range(self.low, self.high + 1, self.step)
        parts = (place / (self.count - 1) for place in range(self.count))
        if self.log:
            found = [round(self.low * (self.high / self.low) ** part) for part in parts]
        else:
            found = [self.low + round(part * (self.high - self.low)) for part in parts]
        return [min(max(value, self.low), self.high) for value in found]

    def spec(self) -> dict[str, Any]:
        rest: dict[str, Any] = {"log": True} if self.log else {} if self.step == 1 else {"step": self.step}
        rest |= {} if self.count is None else {"count": self.count}
        return {"distribution": "int_uniform", "min": self.low, "max": self.high, **rest}


@dataclass(frozen=True)
class Choice:
    """One of ``values``, equally probable or with ``probabilities``, which sum to 1.

    With probabilities the internal value is a quantile: each value has an interval of [0, 1] as long as its
    probability.
    """

    values: tuple[Value, ...]
    probabilities: tuple[float, ...] | None = None
    log = False
    bounds = None

    def __post_init__(self) -> None:
        if not self.values:
            raise DomainFault("values", "must hold at least one value", [])
        for k, value in enumerate(self.values):
            if any(distinct(value) == distinct(other) for other in self.values[:k]):
                raise DomainFault("values", "must differ from each other", value)
        if self.probabilities is not None:
            self._check_probabilities(self.probabilities)

    def _check_probabilities(self, probabilities: tuple[float, ...]) -> None:
        if len(probabilities) != len(self.values):
            rule = f"must be as many as the values ({len(self.values)})"
            raise DomainFault("probabilities", rule, list(probabilities))
        if not all(is_number(p) and p > 0 for p in probabilities):
            raise DomainFault("probabilities", "must be numbers > 0", list(probabilities))
        if abs(math.fsum(probabilities) - 1) > 1e-6:
            raise DomainFault("probabilities", "must sum to 1", list(probabilities))

    def __str__(self) -> str:
        words = ["null" if value is None else str(value) for value in self.values]
        if self.probabilities is None:
            return "one of " + ", ".join(words)
        odds = zip(words, self.probabilities, strict=True)
        return "one of " + ", ".join(f"{word} ({p:.3g})" for word, p in odds)

    @property
    def distribution(self) -> BaseDistribution:
        from optuna.distributions import CategoricalDistribution, FloatDistribution

        return CategoricalDistribution(self._words) if self.probabilities is None else FloatDistribution(0, 1)

    @cached_property
    def _words(self) -> tuple[Value, ...]:
        """The values for Optuna: as texts where it would take two for one, such as 1 and true."""
        return self.values if len(set(self.values)) == len(self.values) else tuple(map(repr, self.values))

    @cached_property
    def _places(self) -> Mapping[object, int]:
        return {distinct(value): k for k, value in enumerate(self.values)}

    def place(self, value: Value) -> int | None:
        """Return the place of a value among the choices, or of one that is equal to it; None where none is."""
        if (found := self._places.get(distinct(value))) is not None:
            return found
        return next((k for k, known in enumerate(self.values) if same(value, known)), None)

    def to_value(self, internal: Any) -> Value:
        if self.probabilities is None:
            own = self._words is self.values
            return self.values[self._index(internal) if own else self._words.index(internal)]
        sums = itertools.accumulate(self.probabilities)
        return next((v for v, end in zip(self.values, sums, strict=True) if internal < end), self.values[-1])

    def to_internal(self, value: Value) -> Any:
        k = self._index(value)
        if self.probabilities is None:
            return self._words[k]
        return math.fsum(self.probabilities[:k]) + self.probabilities[k] / 2

    def at(self, quantile: float) -> Value:
        return _nth(self.values, quantile) if self.probabilities is None else self.to_value(quantile)

    def _index(self, value: Value) -> int:
        found = self.place(value)
        assert found is not None, (value, self)
        return found

    def contains(self, value: Value) -> bool:
        return self.place(value) is not None

    def grid(self) -> Sequence[Value]:
        return self.values

    def spec(self) -> dict[str, Any]:
        odds = {} if self.probabilities is None else {"probabilities": list(self.probabilities)}
        return {"values": [unnested(value) for value in self.values], **odds}


def _values(count: int | None) -> str:
    return "" if count is None else f", {count} values"


def _nth(values: Sequence[T], quantile: float) -> T:
    return values[min(int(quantile * len(values)), len(values) - 1)]


def Constant(value: Value) -> Choice:
    """Return a choice of the one ``value``, for a parameter that is fixed but exists only under a condition."""
    return Choice((value,))
