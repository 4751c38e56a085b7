"""A requirement between the values of a configuration, such as ``width >= 4 * heads``."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from search_spaces.space.expression import Expression, parsed
from search_spaces.types.values import Params


@dataclass(frozen=True)
class Requirement:
    """A condition that every configuration of a space must satisfy. Raises ExpressionFault for no expression.

    ``given`` are the values of its hyperparameters that are not searched: constants of the spec, and defaults.
    """

    text: str
    given: Params = field(default_factory=dict)

    def __post_init__(self) -> None:
        _ = self._expression

    def __hash__(self) -> int:
        return hash(self.text)

    def __str__(self) -> str:
        return self.text

    @cached_property
    def _expression(self) -> Expression:
        return parsed(self.text)

    @cached_property
    def searched(self) -> tuple[str, ...]:
        """Names of the searched parameters that it is about."""
        return tuple(name for name in self._expression.names if name not in self.given)

    def holds(self, params: Params) -> bool:
        """Whether a configuration satisfies it. It does where a parameter that it is about does not exist.

        What cannot be computed, as a division by zero or the logarithm of 0, does not satisfy it.
        """
        if any(name not in params for name in self.searched):
            return True
        try:
            return bool(self._expression.value({**params, **self.given} if self.given else params))
        except (ArithmeticError, ValueError, TypeError):
            return False
