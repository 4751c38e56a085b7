"""What a study holds of a trial."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from search_spaces.types.problems import Goal
from search_spaces.types.values import Params

Goals = Goal | Sequence[Goal]
"""Goal of the objective, or of each where there are several."""
Told = float | Sequence[float] | None
"""Value of the objective, or of each where there are several; None where one is not known."""
Outcome = Literal["done", "stopped", "failed"]
OUTCOMES: Mapping[int, Outcome] = {1: "done", 2: "stopped", 3: "failed"}
"""How a trial ended, by the number of Optuna's state for it: COMPLETE, PRUNED, FAIL."""


MEASURED = "measured:"
"""Begins the name of the attribute with what else was measured in an epoch, whose number follows."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """One trial in the study. ``params`` are the searched hyperparameters, ``values`` the objective by epoch."""

    number: int
    params: Params
    values: Mapping[int, float]
    outcome: Outcome | None
    """None while the trial has not ended: it runs, waits at a rung, or its driver was killed."""
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def measured(self) -> dict[int, dict[str, float]]:
        """Values by epoch of the metrics that decide besides the objective."""
        return measured_in(self.attributes)


def measured_in(attributes: Mapping[str, Any]) -> dict[int, dict[str, float]]:
    """Return what a trial's attributes hold of the metrics that decide besides the objective, by epoch."""
    return {
        int(key.removeprefix(MEASURED)): dict(values)
        for key, values in attributes.items()
        if key.startswith(MEASURED)
    }


def each_goal(goals: Goals) -> list[Goal]:
    """Return the goals as a list."""
    return [goals] if isinstance(goals, str) else list(goals)


def each_value(told: Told) -> list[float] | None:
    """Return the values as a list; None where one is not known or no number."""
    if told is None:
        return None
    values = [float(value) for value in ([told] if isinstance(told, float | int) else told)]
    return None if any(map(math.isnan, values)) else values
