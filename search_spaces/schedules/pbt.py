"""Population based training: the worst of a population go on from the best ones' weights, with changed values."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from search_spaces.schedules.contract import Continue, Decision, Exploit, Setting, choice, names, parameter
from search_spaces.schedules.explore import Exchange, Explorer
from search_spaces.schedules.standings import Rung, Standing, Standings
from search_spaces.space.hyperparameters import Signature

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
    explore: str = choice(
        "perturb",
        "How copied numbers change: by those two rules, or pb2: to what a Gaussian process expects the most of.",
        "pb2",
    )
    mutate: Sequence[str] = names("Hyperparameters that change; all that do not shape the program unless given.")


@dataclass(frozen=True)
class PopulationBased:
    """Population based training (Jaderberg et al. 2017, "Population Based Training of Neural Networks").

    Trials are dealt to populations of ``population`` by their numbers. The members of one wait for each other every
    ``interval`` epochs. Among those of one signature, whose weights fit each other, the worst ``quantile`` by their
    latest value go on from the weights of random ones of the best ``quantile`` (truncation selection), with the
    hyperparameters of these, each perturbed or drawn anew, or with ``explore: pb2`` chosen by a bandit. Whether a
    lane was fast changes nothing.
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
                    for exchange in self._exchanges(rung, there, standings):
                        self._decide(exchange)
                        decisions |= exchange.decided
        return decisions

    def _exchanges(self, rung: Rung, there: Sequence[Standing], standings: Standings) -> Iterator[Exchange]:
        groups: dict[Signature, list[Standing]] = defaultdict(list)
        for member in there:
            groups[member.signature].append(member)
        for group in groups.values():
            ranked = sorted(group, key=lambda member: (-member.latest(rung.epoch), member.number))
            num = min(max(1, int(self.parameters.quantile * len(group))), len(group) // 2)
            changeable = [member.number for member in ranked if member.number != CONTROL]
            worst = frozenset(changeable[len(changeable) - num :])
            yield Exchange(rung.epoch, self.rungs, group, ranked[:num], worst, standings)

    def _decide(self, exchange: Exchange) -> None:
        for member in exchange.group:
            if member.waiting and member.rung == exchange.epoch:
                exploit = self._exploit(exchange, member) if member.number in exchange.worst else None
                exchange.decided[member.number] = exploit or Continue()

    def _exploit(self, exchange: Exchange, member: Standing) -> Exploit | None:
        """Return what the member takes over; None where none that is as good has weights of this epoch."""
        epoch, value = exchange.epoch, member.latest(exchange.epoch)
        here = [other for other in exchange.best if other is not member and other.waiting and other.epoch == epoch]
        able = [other for other in here if -math.inf < other.latest(epoch) >= value]
        if not able:
            return None
        random = Random(f"{self.setting.seed} {member.number} {epoch}")
        source = random.choice(able)
        wanted = self._explorer.explored(source, random)
        if self.parameters.explore == "pb2":
            wanted = self._explorer.chosen(exchange, member, source, wanted, self.setting.seed)
        changed = {name: value for name, value in wanted.items() if value != member.params[name]}
        return Exploit(source.number, changed)

    @property
    def _explorer(self) -> Explorer:
        keys = self.parameters
        return Explorer(self.setting.space, keys.mutate, keys.perturb_factor, keys.resample_probability)
