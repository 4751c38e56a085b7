"""Results of equal trainings by earlier sweeps, which a race takes over instead of training again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from search_spaces.types.values import Identity, Params, identity


@dataclass(frozen=True, kw_only=True)
class KnownResult:
    """What trial ``trial`` of ``sweep`` came to: the objective of each epoch from the first one on."""

    sweep: str
    trial: int
    values: Mapping[int, float]
    is_settled: bool = False
    """Whether its patience ended it at the last of these epochs."""
    best_epoch: int | None = None
    beside: Mapping[str, float] = field(default_factory=dict)
    """Metrics of ``best_epoch`` that are shown beside the objective."""

    @property
    def last(self) -> int:
        """The last epoch that is known."""
        return max(self.values, default=0)

    def until(self, trained: int, rung: int) -> int | None:
        """Return the epoch up to which it serves a trial on its way from ``trained`` to ``rung``; None: not at all.

        It serves whole stretches: its weights are not there, and what lies behind is trained from the beginning.
        """
        if trained < self.last <= rung and self.is_settled:
            return self.last
        return rung if trained < rung <= self.last else None


@dataclass(frozen=True)
class KnownResults:
    """Results by configuration, and the configurations that an equal search has proposed, in their order."""

    results: Mapping[Identity, KnownResult] = field(default_factory=dict)
    proposals: Sequence[Params] = ()

    def of(self, params: Params) -> KnownResult | None:
        """Return the result of a trial with all these hyperparameters; None where none is known."""
        return self.results.get(identity(params)) if self.results else None


NO_RESULTS = KnownResults()


def known_values(values: Mapping[int, float]) -> dict[int, float]:
    """Return the values from the first epoch on, up to the first one that is missing."""
    found: dict[int, float] = {}
    while (epoch := len(found) + 1) in values:
        found[epoch] = values[epoch]
    return found
