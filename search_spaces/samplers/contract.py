"""What a sampler is: a function of the sweep's whole history that proposes configurations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from search_spaces.types.values import Params

Identity = frozenset[tuple[str, object]]


@dataclass(frozen=True)
class Observation:
    """One trial as a sampler sees it: ``values`` is the objective by epoch, without NaN."""

    params: Params
    state: Literal["running", "paused", "done", "failed"]
    values: Mapping[int, float]
    best_value: float | None = None
    constraints: Mapping[str, float] = field(default_factory=dict)
    """What had to be kept to, by name: a value above 0 says by how much it was not. Empty: nothing had to be."""


class Sampler(Protocol):
    """Proposes configurations of a space.

    It keeps no memory: the same history is answered in the same way, whatever was asked before. So a resumed sweep
    needs nothing but its history.
    """

    def ask(self, history: Sequence[Observation], count: int, held: Params) -> list[Params]:
        """At most ``count`` new configurations in which ``held`` parameters keep their values.

        Fewer, or none, means that the space holds no more that the history has not seen.
        """
