"""What every domain obeys: the contract, the fault, and the arithmetic of ranges and steps."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard, overload

from search_spaces.types.values import Value

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution


class DomainFault(ValueError):
    """A rule of a domain that ``field`` (as in a spec: min, max, step, values ...) breaks with ``received``."""

    def __init__(self, field: str, rule: str, received: Any = None) -> None:
        super().__init__(f"{field} {rule}, received {received!r}")
        self.field, self.rule, self.received = field, rule, received


class Domain(Protocol):
    """The set of values of one hyperparameter, with the law they are drawn by."""

    @property
    def distribution(self) -> BaseDistribution:
        """What Optuna samples: the law of the internal value."""

    @property
    def log(self) -> bool:
        """True when factors matter, not differences."""

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Smallest and largest value; None for choices."""

    def to_value(self, internal: Any) -> Value:
        """What a trial gets for what Optuna drew."""

    def to_internal(self, value: Value) -> Any:
        """What Optuna would have drawn; ``to_value`` gives ``value`` back, up to rounding."""

    def contains(self, value: Value) -> bool:
        """Whether a trial may have ``value``."""

    def grid(self) -> Sequence[Value]:
        """Every value, in order. DomainFault when they are not countable."""

    def spec(self) -> dict[str, Any]:
        """The domain as written in a spec."""


def is_number(value: Any) -> TypeGuard[int | float]:
    """A finite int or float, and no bool."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def check_range(low: float, high: float) -> None:
    """Both finite and the first below the second, else DomainFault."""
    for field, value in (("min", low), ("max", high)):
        if not is_number(value):
            raise DomainFault(field, "must be a finite number", value)
    if low >= high:
        raise DomainFault("max", f"must be above min = {low}", high)


def check_step(low: float, high: float, step: float) -> None:
    """``step`` divides the range, in decimal arithmetic (as written: 0.1 divides 0.3), else DomainFault."""
    if not is_number(step) or step <= 0:
        raise DomainFault("step", "must be a number > 0", step)
    span, stride = _decimal(high) - _decimal(low), _decimal(step)
    if span / stride > 1_000_000:
        raise DomainFault("step", "must make at most 1000000 steps", step)
    if span % stride:
        below = _decimal(low) + span // stride * stride
        ways = f"max: {_plain(below)} or {_plain(below + stride)} would do"
        raise DomainFault("step", f"must divide max - min = {_plain(span)} evenly ({ways})", step)


def _decimal(number: float) -> Decimal:
    return Decimal(repr(number))


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"


def same(a: Value, b: Value) -> bool:
    """Equal, and true is not 1."""
    return a == b and isinstance(a, bool) == isinstance(b, bool)


@dataclass(frozen=True)
class DecimalGrid(Sequence[float]):
    """low, low + step, ... up to ``high``, without the dust of binary addition; worked out when asked for."""

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
    """low + num_steps * step, as by hand: 0.1 + 1 * 0.2 is 0.3."""
    return float(_decimal(low) + num_steps * _decimal(step))
