"""The interface of samplers: functions of the sweep's whole history that propose configurations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from search_spaces.types.values import Params

Identity = tuple[tuple[str, ...], tuple[object, ...]]
"""Names and values of a configuration in the order of the names; a set of pairs takes eight times the memory."""


@dataclass(frozen=True)
class Observation:
    """One trial as a sampler sees it; ``values`` are its objective by epoch, without NaN."""

    params: Params
    state: Literal["running", "paused", "done", "failed"]
    values: Mapping[int, float]
    best_value: float | None = None
    constraints: Mapping[str, float] = field(default_factory=dict)
    """Constraint values by name: above 0 is the amount of a violation. Empty: no constraints."""


class Sampler(Protocol):
    """Proposes configurations of a space.

    It has no state: its answer depends on the history alone, not on earlier calls. So a resumed sweep needs nothing
    but its history.
    """

    def ask(self, history: Sequence[Observation], count: int, held: Params) -> list[Params]:
        """Return at most ``count`` new configurations in which the ``held`` parameters have the given values.

        Fewer, or none, means that the space has no more configurations that are not in the history.
        """
