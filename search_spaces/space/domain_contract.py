"""The interface of domains, their error, and exact decimal arithmetic for ranges and steps."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard, overload

from search_spaces.types.values import Value

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution


MAX_COUNT = 1000
"""Largest number of values that a range is cut to for a grid."""
MAX_STEPS = 1_000_000
"""Largest number of steps of a range."""


class DomainFault(ValueError):
    """Error: ``field`` of a domain (a key of the spec: min, max, step, values ...) breaks ``rule``."""

    def __init__(self, field: str, rule: str, received: Any = None) -> None:
        super().__init__(f"{field} {rule}, received {received!r}")
        self.field, self.rule, self.received = field, rule, received


class Domain(Protocol):
    """The values of one hyperparameter and their distribution.

    Optuna samples an internal value (a number or a choice); ``to_value`` and ``to_internal`` convert between it and
    the hyperparameter's value.
    """

    @property
    def distribution(self) -> BaseDistribution:
        """Optuna's distribution of the internal value."""

    @property
    def log(self) -> bool:
        """Whether the domain has a logarithmic scale."""

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Smallest and largest value of a trial; None for choices."""

    def to_value(self, internal: Any) -> Value:
        """Return the hyperparameter's value for an internal value."""

    def to_internal(self, value: Value) -> Any:
        """Return an internal value for which ``to_value`` returns ``value``, up to rounding."""

    def at(self, quantile: float) -> Value:
        """Return the value below which a share ``quantile`` in [0, 1] of the draws lies; choices in their order."""

    def contains(self, value: Value) -> bool:
        """Whether a trial may have ``value``."""

    def grid(self) -> Sequence[Value]:
        """Return all values in order. Raises DomainFault for a continuous domain."""

    def spec(self) -> dict[str, Any]:
        """Return the domain as keys of a spec's parameter."""


def is_number(value: Any) -> TypeGuard[int | float]:
    """Whether ``value`` is a finite int or float, and not a bool."""
    if isinstance(value, int):
        return not isinstance(value, bool)
    return isinstance(value, float) and math.isfinite(value)


def check_range(low: float, high: float) -> None:
    """Raise DomainFault unless both bounds are finite and ``low`` is below ``high``."""
    for field, value in (("min", low), ("max", high)):
        if not is_number(value):
            raise DomainFault(field, "must be a finite number", value)
    if low >= high:
        swap = ": swap the two, or change one" if high < low else ""
        raise DomainFault("max", f"must be above min = {low}{swap}", high)


def check_step(low: float, high: float, step: float) -> None:
    """Raise DomainFault unless ``step`` divides the range, in decimal arithmetic, where 0.1 divides 0.3."""
    if not is_number(step) or step <= 0:
        raise DomainFault("step", "must be a number > 0", step)
    span, stride = _decimal(high) - _decimal(low), _decimal(step)
    if span / stride > MAX_STEPS:
        raise DomainFault("step", f"must make at most {MAX_STEPS} steps", step)
    if span % stride:
        below = _decimal(low) + span // stride * stride
        ways = f"max: {_plain(below)} or {_plain(below + stride)} would do"
        raise DomainFault("step", f"must divide max - min = {_plain(span)} evenly ({ways})", step)


def check_count(count: int, has_step: bool) -> None:
    """Raise DomainFault unless ``count`` values make a grid of a range that has no step."""
    if not isinstance(count, int) or isinstance(count, bool) or not 2 <= count <= MAX_COUNT:
        raise DomainFault("count", f"must be a whole number, 2 to {MAX_COUNT}", count)
    if has_step:
        raise DomainFault("count", "must be left out beside a step", count)


def _decimal(number: float) -> Decimal:
    return Decimal(repr(number))


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"


def same(a: Value, b: Value) -> bool:
    """Whether two values are equal; True and 1 are not."""
    return a == b and isinstance(a, bool) == isinstance(b, bool)


@dataclass(frozen=True)
class DecimalGrid(Sequence[float]):
    """The numbers low, low + step, ... up to ``high``, in exact decimal arithmetic; computed when accessed."""

    low: float
    high: float
    step: float

    def __len__(self) -> int:
        return int((_decimal(self.high) - _decimal(self.low)) // _decimal(self.step)) + 1

    @overload
    def __getitem__(self, k: int) -> float: ...
    @overload
    def __getitem__(self, k: slice) -> list[float]: ...
    def __getitem__(self, k: int | slice) -> float | list[float]:
        places = range(len(self))[k]
        if isinstance(places, range):
            return [decimal_step(self.low, self.step, place) for place in places]
        return decimal_step(self.low, self.step, places)

    def __iter__(self) -> Iterator[float]:
        return (decimal_step(self.low, self.step, k) for k in range(len(self)))


def decimal_step(low: float, step: float, num_steps: int) -> float:
    """Return low + num_steps * step in decimal arithmetic: 0.1 + 1 * 0.2 is 0.3."""
    return float(_decimal(low) + num_steps * _decimal(step))
