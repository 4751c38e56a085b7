"""The one switch that turns every fast way off: PACELINE_PLAIN=1, for this process and all that it starts.

A fast way is one that leans on what a dependency does not promise, or that stands in for what the dependency does
itself. Each has a plain way beside it, and a function ``why_off`` that asks here first.
"""

from __future__ import annotations

import os
from typing import Final

VARIABLE: Final = "PACELINE_PLAIN"
ASKED_FOR: Final = f"{VARIABLE} is set"
"""The reason of every fast way that is off because of it."""
MEANING: Final = (
    f"{ASKED_FOR}: Ray starts as it is (6 s later), MLflow is written by its own client (about 20 times slower a "
    "trial), gradients are autograd's (steps of small networks take about 1.5 times as long)"
)


def plain() -> bool:
    """Whether the plain ways are wanted: the variable is set to anything but 0."""
    return os.environ.get(VARIABLE, "") not in ("", "0")
