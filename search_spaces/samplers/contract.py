"""What a sampler is: a function of the sweep's whole history that proposes configurations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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


class Sampler(Protocol):
    """Proposes configurations of a space."""

    @property
    def num_blind(self) -> int:
        """Its random start: until so many trials have a value it reads none of them. 0 where all is of one kind."""

    def ask(self, history: Sequence[Observation], count: int, held: Params) -> list[Params]:
        """At most ``count`` new configurations in which ``held`` parameters keep their values.

        Fewer, or none, means that the space holds no more that the history has not seen.
        """
