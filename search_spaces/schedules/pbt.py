"""Population based training: the worst of a population go on from the best ones' weights, with changed values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from search_spaces.schedules.contract import Continue, Decision, Exploit, Setting, names, parameter
from search_spaces.schedules.mutation import drawn, perturbed
from search_spaces.schedules.standings import Rung, Standing, Standings
from search_spaces.space.domain_contract import Domain
from search_spaces.space.hyperparameters import Signature
from search_spaces.types.values import Params, Value

MAX_DRAWS = 100
"""Number of changes that are drawn to find one that satisfies the requirements of the space."""
CONTROL = 0
"""Number of the member that never changes: the defaults, with which the final evaluation compares."""


@dataclass(frozen=True, kw_only=True)
class PbtParameters:
    """Keys of ``early_terminate`` in a spec."""

    population: int = parameter(20, "Trials that are trained side by side and compared.", low=2, high=100_000)
    interval: int = parameter(2, "Epochs between two exchanges.", low=1, high=100_000)
    quantile: float = parameter(0.25, "Share that copies, and share that is copied.", low=0.01, high=0.5)
    perturb_factor: float = parameter(
        0.2, "A copied number is multiplied by 1 + this, or 1 - this.", low=0.01, high=0.9
    )
    resample_probability: float = parameter(
        0.25, "Probability that a copied value is drawn anew from its range.", low=0.0, high=1.0
    )
    mutate: Sequence[str] = names("Hyperparameters that change; all that do not shape the program unless given.")


@dataclass(frozen=True)
class PopulationBased:
    """Population based training (Jaderberg et al. 2017, "Population Based Training of Neural Networks").

    Trials are dealt to populations of ``population`` by their numbers. The members of one wait for each other every
    ``interval`` epochs. Among those of one signature, whose weights fit each other, the worst ``quantile`` by their
    latest value go on from the weights of random ones of the best ``quantile`` (truncation selection), with the
    hyperparameters of these, each perturbed or drawn anew. Whether a lane was fast changes nothing.
    """

    setting: Setting
    parameters: PbtParameters = PbtParameters()

    @property
    def rungs(self) -> tuple[int, ...]:
        """Every ``interval`` epochs, and the last epoch."""
        return (
            *range(self.parameters.interval, self.setting.epochs, self.parameters.interval),
            self.setting.epochs,
        )

    def reaching(self, num_trials: int) -> tuple[int, ...]:
        """Return all trials for each rung: none is stopped."""
        return (num_trials,) * len(self.rungs)

    def decide(self, standings: Standings) -> dict[int, Decision]:
        """Return a decision for each waiting member of a population that is complete at its rung."""
        decisions: dict[int, Decision] = {}
        size = self.parameters.population
        for rung in map(standings.at, self.rungs[:-1]):
            for place in sorted({number // size for number in rung.waiting}):
                numbers = range(place * size, min((place + 1) * size, standings.num_expected))
                if all(number in rung.scores or standings.has_ended(number) for number in numbers):
                    there = [standings.member(number) for number in numbers if number in rung.scores]
                    decisions |= self._decided(rung, there)
        return decisions

    def _decided(self, rung: Rung, there: Sequence[Standing]) -> Iterator[tuple[int, Decision]]:
        groups: dict[Signature, list[Standing]] = defaultdict(list)
        for member in there:
            groups[member.signature].append(member)
        for group in groups.values():
            ranked = sorted(group, key=lambda member: (-member.latest(rung.epoch), member.number))
            num = min(max(1, int(self.parameters.quantile * len(group))), len(group) // 2)
            best, worst = ranked[:num], {member.number for member in ranked[len(ranked) - num :]}
            for member in group:
                if member.waiting and member.rung == rung.epoch:
                    exploit = self._exploit(rung.epoch, member, best) if member.number in worst else None
                    yield member.number, exploit or Continue()

    def _exploit(self, epoch: int, member: Standing, best: Sequence[Standing]) -> Exploit | None:
        """Return what the member takes over; None where no better one has weights of this epoch."""
        able = [
            other
            for other in best
            if other.waiting and other.epoch == epoch and other.latest(epoch) > member.latest(epoch)
        ]
        if member.number == CONTROL or not able:
            return None
        random = Random(f"{self.setting.seed} {member.number} {epoch}")
        source = random.choice(able)
        wanted = self._explored(source, random)
        changed = {name: value for name, value in wanted.items() if value != member.params[name]}
        return Exploit(source.number, changed)

    def _explored(self, source: Standing, random: Random) -> Params:
        """Return the source's searched values that do not shape the program, with changes in those that may change.

        A parameter that others depend on (``when``) is only copied. Changes that do not satisfy the requirements of
        the space are drawn again; where none does all values are copied.
        """
        space, shaping = self.setting.space, {name for name, _ in source.signature}
        copied = {name: source.params[name] for name in space.domains if name not in shaping}
        tried = (self._mutated(source, copied, random) for _ in range(MAX_DRAWS))
        able = (values for values in tried if space.satisfies(space.active({**source.params, **values})))
        return next(able, copied)

    def _mutated(self, source: Standing, values: Params, random: Random) -> Params:
        space, copied = self.setting.space, dict(values)
        parents = {parent for condition in space.when.values() for parent in condition}
        for name in sorted(copied.keys() & set(self.parameters.mutate or copied) - parents):
            if space.exists(name, source.params):
                copied[name] = self._changed(space.domains[name], copied[name], random)
        return copied

    def _changed(self, domain: Domain, value: Value, random: Random) -> Value:
        if random.random() < self.parameters.resample_probability:
            return drawn(domain, random)
        return perturbed(domain, value, self.parameters.perturb_factor, random)
