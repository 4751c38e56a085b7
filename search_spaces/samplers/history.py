"""What a sampler knows of a search: one observation a trial, patched as the trial goes on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from search_spaces.types.values import Identity, Params, distinct, identity


@dataclass(frozen=True)
class Observation:
    """One trial as a sampler sees it; ``values`` are its objective by epoch, without NaN.

    ``infeasible``: its configuration cannot be trained to the end, as it diverges, or needs more memory or time
    than there is. ``failed``: it crashed, which says nothing of its configuration.
    """

    params: Params
    state: Literal["running", "paused", "done", "infeasible", "failed"]
    values: Mapping[int, float]
    best_value: float | None = None
    constraints: Mapping[str, float] = field(default_factory=dict)
    """Constraint values by name: above 0 is the amount of a violation. Empty: no constraints."""
    settles: bool = True
    """Whether its configuration counts as tried: no other trial gets it."""
    vectors: Mapping[int, Sequence[float]] = field(default_factory=dict)
    """With several objectives: all of them, by epoch, with which the trial counted there. Else empty."""

    num_seeds: int = 1
    """Number of seeds of whose values these are the means."""

    @property
    def vector(self) -> Sequence[float] | None:
        """All objectives with which the trial counts; None with one objective, and where they are not known."""
        return self.vectors[max(self.vectors)] if self.vectors else None

    @property
    def teaches(self) -> bool:
        """Whether a sampler learns from it."""
        return self.state == "infeasible" or (self.state != "failed" and self.best_value is not None)


class History:
    """Observations by the trial's number, in the order in which the trials were first seen."""

    def __init__(self, observations: Iterable[Observation] = ()) -> None:
        self.seen: dict[int, Observation] = {}
        self.num_known = 0
        """Number of trials from which a sampler learns."""
        self._identities: set[Identity] = set()
        self._changes: list[int] = []
        self._parts: dict[tuple[str, ...], Counter[tuple[object, ...]]] = {}
        """Number of configurations by their values of some parameters, for each set of parameters asked for."""
        for number, observation in enumerate(observations):
            self.put(number, observation)

    def __len__(self) -> int:
        return len(self.seen)

    def put(self, number: int, observation: Observation) -> None:
        """Record what is known of a trial now; its configuration never changes."""
        if number in self.seen:
            self.num_known -= self.seen[number].teaches
        else:
            self._add(observation)
        self.num_known += observation.teaches
        self.seen[number] = observation
        self._changes.append(number)

    def _add(self, observation: Observation) -> None:
        params, found = observation.params, identity(observation.params)
        if found in self._identities or not observation.settles:
            return
        self._identities.add(found)
        for names, counts in self._parts.items():
            if params.keys() >= set(names):
                counts[tuple(distinct(params[name]) for name in names)] += 1

    def has(self, params: Params) -> bool:
        """Whether a trial has this configuration."""
        return identity(params) in self._identities

    def num_with(self, held: Params) -> int:
        """Return the number of different configurations that have the ``held`` values."""
        names, values = identity(held)
        if names not in self._parts:
            known = {identity(seen.params): seen.params for seen in self.seen.values() if seen.settles}
            able = (params for params in known.values() if params.keys() >= set(names))
            self._parts[names] = Counter(tuple(distinct(params[name]) for name in names) for params in able)
        return self._parts[names][values]

    def since(self, mark: int) -> tuple[int, list[int]]:
        """Return the present mark, and the numbers of the trials that changed since an earlier one, in order."""
        return len(self._changes), sorted(set(self._changes[mark:]))
