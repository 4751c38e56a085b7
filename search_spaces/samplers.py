"""What to try next: functions of the sweep's whole past, so that a resumed sweep needs nothing but its history.

A trial that waits at a rung is shown to the sampler as PRUNED with its intermediate values, which is what it is
at that moment; Optuna cannot take a PRUNED back when the trial is promoted later, so the study that a sampler
sees is made anew from the observations for every batch that is asked.
"""

from __future__ import annotations

import math
import random
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Literal, Protocol

from search_spaces.problems import Goal
from search_spaces.space import Space
from search_spaces.values import Params

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

Identity = frozenset[tuple[str, object]]
TPE_BLIND = 10
"""TPE's random start, in trials with a value; Optuna's default."""
MAX_REDRAWS = 20
MAX_WALKED = 100_000
"""Points of a space that is searched for what is left; a larger one is not used up before a sweep ends."""


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


@dataclass(frozen=True)
class OptunaSampler:
    """Asks one of Optuna's samplers in a study that lives as long as the question."""

    space: Space
    goal: Goal
    seed: int
    make: Callable[[int], optuna.samplers.BaseSampler]
    num_blind: int = 0
    _records: dict[int, tuple[Observation, FrozenTrial]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """By the place in the history."""

    def ask(self, history: Sequence[Observation], count: int, held: Params) -> list[Params]:
        """See ``Sampler``. What the history holds already is drawn anew; what is left of a small space is found."""
        study = self._study(history, held)
        seen = {_identity(seen.params) for seen in history}
        found: list[Params] = []
        while len(found) < count and (params := self._draw(study, seen, held)):
            seen.add(_identity(params))
            found.append(params)
        return found

    def _draw(self, study: optuna.Study, seen: Set[Identity], held: Params) -> Params | None:
        """A configuration that is not among ``seen``; None where the space has no more, or hardly any."""
        from optuna.trial import TrialState

        size = self.space.size() or math.inf
        if held.keys() >= self.space.domains.keys() or len(seen) >= size:
            return None
        for _ in range(MAX_REDRAWS):
            trial = study.ask()
            params = self.space.ask(trial, held)
            if _identity(params) not in seen:
                return params
            # Left running, a constant liar would take it for bad, and so the best known place.
            study.tell(trial, state=TrialState.FAIL)
        left = list(_unseen(self.space, seen, held)) if size <= MAX_WALKED else []
        return random.Random(self.seed + len(seen)).choice(left) if left else None

    def _study(self, history: Sequence[Observation], held: Params) -> optuna.Study:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        sampler = self.make((self.seed * 1_000_003 + len(history)) % 2**32)
        if held:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                sampler = optuna.samplers.PartialFixedSampler(self.space.internal(held), sampler)
        study = optuna.create_study(direction=self.goal, sampler=sampler)
        study.add_trials([self._record(i, seen) for i, seen in enumerate(history)])
        return study

    def _record(self, place: int, seen: Observation) -> FrozenTrial:
        """Made once, as long as the trial does not change."""
        from search_spaces.frozen_trials import frozen_trial

        if place not in self._records or self._records[place][0] != seen:
            self._records[place] = seen, frozen_trial(self.space, seen)
        return self._records[place][1]


@dataclass(frozen=True)
class GridSampler:
    """Every point of the space in order, each once."""

    space: Space
    num_blind: int = 0

    def ask(self, history: Sequence[Observation], count: int, held: Params) -> list[Params]:
        """See ``Sampler``. ``held`` only picks among the points that are left."""
        seen = {_identity(seen.params) for seen in history}
        return list(islice(_unseen(self.space, seen, held), count))


def _unseen(space: Space, seen: Set[Identity], held: Params) -> Iterator[Params]:
    for point in space.grid():
        if _identity(point) not in seen and held.items() <= point.items():
            yield point


def _identity(params: Params) -> Identity:
    return frozenset(params.items())


def _tpe(seed: int) -> optuna.samplers.BaseSampler:
    import optuna

    return optuna.samplers.TPESampler(n_startup_trials=TPE_BLIND, seed=seed)


def _random(seed: int) -> optuna.samplers.BaseSampler:
    import optuna

    return optuna.samplers.RandomSampler(seed=seed)


SAMPLERS: Mapping[str, Callable[[Space, Goal, int], Sampler]] = {
    "tpe": lambda space, goal, seed: OptunaSampler(space, goal, seed, _tpe, TPE_BLIND),
    "random": lambda space, goal, seed: OptunaSampler(space, goal, seed, _random),
    "grid": lambda space, goal, seed: GridSampler(space),
}


def sampler(method: str, space: Space, goal: Goal, seed: int) -> Sampler:
    """The sampler named ``method``; a row of SAMPLERS adds one."""
    return SAMPLERS[method](space, goal, seed)
