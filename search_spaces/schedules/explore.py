"""Changes the hyperparameters that a member of a population has copied, within the space and its requirements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

from search_spaces.schedules.contract import Decision, Exploit
from search_spaces.schedules.mutation import drawn, perturbed
from search_spaces.schedules.standings import Standing, Standings
from search_spaces.space.domain_contract import Domain
from search_spaces.space.space import Space
from search_spaces.types.values import Params, Value

MAX_DRAWS = 100
"""Number of changes that are drawn to find one that satisfies the requirements of the space."""


@dataclass(frozen=True)
class Exchange:
    """The members of one signature of a population, as they have all come to a rung."""

    epoch: int
    rungs: Sequence[int]
    group: Sequence[Standing]
    best: Sequence[Standing]
    """Those that are copied."""
    worst: frozenset[int]
    """Numbers of those that copy."""
    standings: Standings
    decided: dict[int, Decision] = field(default_factory=dict)
    """Decisions so far, in the order of the numbers."""

    def beside(self, asking: Standing) -> Iterator[tuple[Standing, Params]]:
        """Yield what trains next besides ``asking``: the source of the weights, and all hyperparameters.

        Those that copy and come after it are not decided yet.
        """
        for member in self.group:
            decision, source = self.decided.get(member.number), member.source_at(self.epoch)
            undecided = member.number in self.worst and decision is None and source == member.number
            if member is asking or member.ended or undecided:
                continue
            params = member.params_after(self.epoch)
            if isinstance(decision, Exploit):
                source, params = decision.source, {**params, **decision.params}
            yield self.standings.member(source), params


@dataclass(frozen=True)
class Explorer:
    """Rules of what changes, and how."""

    space: Space
    mutate: Sequence[str]
    """Names of what may change; all that do not shape the program where empty."""
    perturb_factor: float
    resample_probability: float

    def explored(self, source: Standing, random: Random) -> Params:
        """Return the source's searched values that do not shape the program, with changes in those that may change.

        A parameter that others depend on (``when``) is only copied. Changes that do not satisfy the requirements of
        the space are drawn again; where none does all values are copied.
        """
        copied = self._copied(source)
        tried = (self._mutated(source, copied, random) for _ in range(MAX_DRAWS))
        return next((values for values in tried if self._allowed(source, values)), copied)

    def chosen(self, exchange: Exchange, member: Standing, source: Standing, explored: Params, seed: int) -> Params:
        """Return the ``explored`` values with the numbers that PB2 chooses for a member that copies ``source``.

        They are as they were while too little is known.
        """
        import numpy as np  # 60 ms

        from search_spaces.schedules import pb2  # 300 ms: SciPy
        from search_spaces.space.cube import Axis, Cube  # 60 ms: NumPy

        changing = {name: self.space.domains[name] for name in self._changing(source)}
        numbers = {name: domain for name, domain in changing.items() if not Axis(domain).is_category}
        epoch, of = exchange.epoch, exchange.standings.member
        start = pb2.Interval(source.params, epoch, pb2.value_at(source, epoch))
        seen = pb2.within(numbers, pb2.intervals(exchange.group, exchange.rungs, epoch, of))
        if not numbers or len(seen) < pb2.LEAST or not pb2.within(numbers, [start]):
            return explored
        others = [pb2.Interval(params, epoch, pb2.value_at(on, epoch)) for on, params in exchange.beside(member)]

        def allowed(values: Params) -> bool:
            return self._allowed(source, {**explored, **values})

        question = pb2.Question(start, seen, pb2.within(numbers, others), allowed)
        rng = np.random.default_rng([seed, member.number, epoch])
        return {**explored, **(pb2.chosen(Cube(Space(numbers)), question, rng) or {})}

    def _copied(self, source: Standing) -> dict[str, Value]:
        shaping = {name for name, _ in source.signature}
        return {name: source.params[name] for name in self.space.domains if name not in shaping}

    def _allowed(self, source: Standing, values: Params) -> bool:
        return self.space.satisfies(self.space.active({**source.params, **values}))

    def _changing(self, source: Standing) -> list[str]:
        """Return the names of what exists in the source's configuration and may change, in order."""
        parents = {parent for condition in self.space.when.values() for parent in condition}
        able = self._copied(source).keys()
        return [
            name
            for name in sorted((able & set(self.mutate or able)) - parents)
            if self.space.exists(name, source.params)
        ]

    def _mutated(self, source: Standing, copied: dict[str, Value], random: Random) -> Params:
        changing = {name: self.space.domains[name] for name in self._changing(source)}
        return copied | {name: self._changed(domain, copied[name], random) for name, domain in changing.items()}

    def _changed(self, domain: Domain, value: Value, random: Random) -> Value:
        if random.random() < self.resample_probability:
            return drawn(domain, random)
        return perturbed(domain, value, self.perturb_factor, random)
