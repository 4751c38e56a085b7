"""Small functions that scripts take from ``wandb.util``."""

from __future__ import annotations

import importlib
from typing import Any

from .messages import UsageError
from .run_config import plain
from .runs import generate_id


def json_friendly(value: Any) -> tuple[Any, bool]:
    """Return a value in JSON's types, and whether it has changed."""
    found = plain(value)
    return found, found is not value


def json_friendly_val(value: Any) -> Any:
    """Return a value in JSON's types."""
    return plain(value)


def get_module(name: str, required: str | bool | None = None, lazy: bool = True) -> Any:
    """Return a module; None where it is missing and not ``required``."""
    try:
        return importlib.import_module(name)
    except ImportError:
        if required:
            raise UsageError(str(required)) from None
        return None


__all__ = ["generate_id", "get_module", "json_friendly", "json_friendly_val"]
