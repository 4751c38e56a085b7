"""Stops trials that a model of learning curves does not expect to beat the best one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from search_spaces.schedules.contract import Continue, Decision, Stop, parameter
from search_spaces.schedules.standings import Rung, Standing, Standings
from search_spaces.schedules.stopping import MedianParameters

if TYPE_CHECKING:
    from search_spaces.schedules.learning_curves import LearningCurves

NUM_CURVES = 64
"""Number of curves, those of the first trials, by which the model is shaped."""


@dataclass(frozen=True, kw_only=True)
class CurvesParameters(MedianParameters):
    """Keys of ``early_terminate`` in a spec."""

    chance: float = parameter(
        0.05, "A trial with a smaller probability of ending above the best value is stopped.", low=0.001, high=0.5
    )


@dataclass
class _Kept:
    """The latest model, and the trials and epochs that it was made of."""

    made_of: tuple[tuple[int, int], ...] = ()
    model: LearningCurves | None = None


@dataclass(frozen=True)
class Curves:
    """Predictive termination (Domhan et al. 2015, section 4, with the model of ``learning_curves``).

    At each rung a trial is stopped whose value after the last epoch is above the best value so far, of any trial at
    any epoch, with a probability below ``chance``. Whoever leads is never stopped, and nobody where fewer than
    ``min_trials`` have reached the rung. What is kept between decisions only saves time.
    """

    epochs: int
    parameters: CurvesParameters
    _kept: _Kept = field(default_factory=_Kept, compare=False, repr=False)

    @property
    def rungs(self) -> tuple[int, ...]:
        """Every ``every`` epochs from ``min_iter`` on, and the last epoch."""
        return (*range(self.parameters.min_iter, self.epochs, self.parameters.every), self.epochs)

    def reaching(self, num_trials: int) -> tuple[int, ...]:
        """Return the number of trials at each rung if half are stopped by a third of the epochs, and so on."""
        shares = [min(1.0, self.rungs[0] / rung) ** 0.6 for rung in self.rungs]
        return tuple(max(1, min(num_trials, round(num_trials * share))) for share in shares)

    def decide(self, standings: Standings) -> dict[int, Decision]:
        """Return a decision for each waiting trial."""
        decisions: dict[int, Decision] = {}
        for rung in map(standings.at, self.rungs[:-1]):
            if waiting := rung.waiting:
                decisions |= self._decided(rung, [standings.member(number) for number in waiting], standings)
        return decisions

    def _decided(self, rung: Rung, waiting: Sequence[Standing], standings: Standings) -> dict[int, Decision]:
        if len(rung.scores) < self.parameters.min_trials:
            return {member.number: Continue() for member in waiting}
        model, best = self._model(standings), standings.best
        hopeless = {
            member.number
            for member in waiting
            if member.epoch == rung.epoch
            and member.scores[rung.epoch] < best
            and model.chance(member.curve, best) < self.parameters.chance
        }
        return {member.number: Stop() if member.number in hopeless else Continue() for member in waiting}

    def _model(self, standings: Standings) -> LearningCurves:
        from search_spaces.schedules.learning_curves import LearningCurves  # 300 ms: SciPy

        first = [member for member in standings.first(NUM_CURVES) if member.scores]
        made_of = tuple((member.number, _length(max(member.scores))) for member in first)
        if self._kept.model is None or self._kept.made_of != made_of:
            curves = [member.curve for member in first]
            begun = [
                {epoch: value for epoch, value in curve.items() if epoch <= length}
                for curve, (_, length) in zip(curves, made_of, strict=True)
            ]
            self._kept.model = LearningCurves.of([curve for curve in begun if curve], self.epochs)
            self._kept.made_of = made_of
        return self._kept.model


def _length(epoch: int) -> int:
    """Return how many epochs shape the model of a curve that has come to ``epoch``: 1, 2, 3, 4, 6, 8, 12, 16 ...

    So it is made anew only now and then.
    """
    power = 1 << (epoch.bit_length() - 1)
    return power + power // 2 if epoch >= power + power // 2 else power
