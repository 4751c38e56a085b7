"""Asks Optuna's samplers for configurations, each time in a new study made from the sweep's history.

A trial that waits at a rung is shown as PRUNED with its intermediate values. Optuna cannot reopen a PRUNED trial
that is promoted later, so the study is made again from the observations for each batch.
"""

from __future__ import annotations

import math
import operator
import random
import warnings
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from search_spaces.samplers.contract import Identity, Observation
from search_spaces.samplers.grid import _identity, _unseen
from search_spaces.space.space import Space
from search_spaces.types.objective import Objective
from search_spaces.types.values import Params

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

MAX_REDRAWS = 20
MAX_WALKED = 100_000
"""Largest number of points of a space that is searched for unseen ones; sweeps do not exhaust a larger space."""


@dataclass(frozen=True)
class OptunaSampler:
    """A sampler of Optuna's: ``make`` returns it for a seed. Without ``looks_back`` it ignores the trials."""

    space: Space
    objective: Objective
    seed: int
    make: Callable[[int], optuna.samplers.BaseSampler]
    looks_back: bool = True
    _records: dict[int, tuple[Observation, FrozenTrial]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """Optuna's record of each observation, by its place in the history."""
    _tried: list[Params] = field(default_factory=list, init=False, repr=False, compare=False)
    _seen: set[Identity] = field(default_factory=set, init=False, repr=False, compare=False)
    """Configurations of the history that was asked about last, and their identities."""

    def ask(self, history: Sequence[Observation], count: int, held: Params) -> list[Params]:
        """Return new configurations. A draw that is in the history is repeated, at most ``MAX_REDRAWS`` times.

        After that, the points of a space of at most ``MAX_WALKED`` points are searched for an unseen one.
        """
        study = self._study(history, held)
        seen = set(self._identities(history))
        found: list[Params] = []
        while len(found) < count and (params := self._draw(study, seen, held)):
            seen.add(_identity(params))
            found.append(params)
        return found

    def _identities(self, history: Sequence[Observation]) -> Set[Identity]:
        """Return the identity of each configuration. Those of a history that has only grown are known already."""
        tried = [seen.params for seen in history]
        if len(tried) < len(self._tried) or not all(map(operator.is_, self._tried, tried)):
            self._tried.clear()
            self._seen.clear()
        self._seen.update(map(_identity, tried[len(self._tried) :]))
        self._tried[:] = tried
        return self._seen

    def _draw(self, study: optuna.Study, seen: Set[Identity], held: Params) -> Params | None:
        """Return a configuration that is not in ``seen``; None where there is none, or a large space gave none."""
        from optuna.trial import TrialState

        size = self.space.size() or math.inf
        if held.keys() >= self.space.domains.keys() or len(seen) >= size:
            return None
        for _ in range(MAX_REDRAWS):
            trial = study.ask()
            params = self.space.ask(trial, held)
            if _identity(params) not in seen:
                return params
            # A RUNNING trial counts as bad (constant liar), which would make its point, one of the best, look bad.
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
        study = optuna.create_study(direction=self.objective.goal, sampler=sampler)
        if self.looks_back:
            study.add_trials([self._record(i, seen) for i, seen in enumerate(history)])
        return study

    def _record(self, place: int, seen: Observation) -> FrozenTrial:
        """Return Optuna's record of an observation, cached until the observation changes."""
        from search_spaces.samplers.optuna_trials import frozen_trial  # 140 ms: Optuna

        if place not in self._records or self._records[place][0] != seen:
            self._records[place] = seen, frozen_trial(self.space, seen)
        return self._records[place][1]
