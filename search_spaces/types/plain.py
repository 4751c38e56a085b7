"""The switch that turns every fast way off: PACELINE_PLAIN=1, for this process and those that it starts.

A fast way relies on undocumented behaviour of a dependency, or replaces something that the dependency does itself.
Each has a slower plain way, and a function ``why_off`` that returns the reason why it is off; this switch is one.
"""

from __future__ import annotations

import os
from typing import Final

VARIABLE: Final = "PACELINE_PLAIN"
ASKED_FOR: Final = f"{VARIABLE} is set"
"""Reason that ``why_off`` returns where the switch is set."""
MEANING: Final = (
    f"{ASKED_FOR}: Ray starts as it is (6 s later), MLflow is written by its own client (about 20 times slower a "
    "trial), gradients are autograd's (steps of small networks take about 1.5 times as long)"
)


def plain() -> bool:
    """Whether PACELINE_PLAIN is set to anything but 0."""
    return os.environ.get(VARIABLE, "") not in ("", "0")
