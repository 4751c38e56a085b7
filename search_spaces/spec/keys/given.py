"""Types of values in a spec: those that must not be empty where they are written, and those of hyperparameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ValidationInfo

from search_spaces.types.values import Value, value_of


def _given(value: Any, info: ValidationInfo) -> Any:
    if value is None and info.mode != "json":  # JSON, which only Paceline writes, has null where nothing was given
        raise ValueError("must not be empty: leave it out")
    return value


GIVEN = BeforeValidator(_given)
"""Refuses an empty value: it is more often a mistake than a choice."""

if TYPE_CHECKING:
    SpecValue = Value
else:
    SpecValue = Annotated[Value | list[Any] | dict[str, Any], AfterValidator(value_of)]
"""A hyperparameter's value, which in a spec may be a list or mapping."""
