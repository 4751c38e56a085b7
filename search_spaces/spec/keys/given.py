"""Values that must not be empty where they are written: an empty one is more often a mistake than a choice."""

from __future__ import annotations

from typing import Any

from pydantic import BeforeValidator, ValidationInfo


def _given(value: Any, info: ValidationInfo) -> Any:
    if value is None and info.mode != "json":  # JSON, which only Paceline writes, has null where nothing was given
        raise ValueError("must not be empty: leave it out")
    return value


GIVEN = BeforeValidator(_given)
