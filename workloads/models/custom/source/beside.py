"""What stands beside a user's training function in its module: ``predict`` and ``test`` belong to the function."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

BESIDE: Final = ("predict", "test")
"""Names of the functions that belong to a training function of the same module."""
READ: Final = "__read_by_paceline__"
"""Name in the globals of a function that was read from its file and not imported."""


def names_beside(train: Callable[..., Any]) -> Mapping[str, Any]:
    """Return the names of the module of ``train``; of a function read from its file those that were read."""
    names: Mapping[str, Any] = getattr(train, "__globals__", {})
    return names if READ in names else vars(sys.modules[train.__module__])
