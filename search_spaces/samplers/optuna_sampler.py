"""What to try next: functions of the sweep's whole past, so that a resumed sweep needs nothing but its history.

A trial that waits at a rung is shown to the sampler as PRUNED with its intermediate values, which is what it is
at that moment; Optuna cannot take a PRUNED back when the trial is promoted later, so the study that a sampler
sees is made anew from the observations for every batch that is asked.
"""

from __future__ import annotations

import math
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
"""Points of a space that is searched for what is left; a larger one is not used up before a sweep ends."""


@dataclass(frozen=True)
class OptunaSampler:
    """Asks one of Optuna's samplers in a study that lives as long as the question."""

    space: Space
    objective: Objective
    seed: int
    make: Callable[[int], optuna.samplers.BaseSampler]
    _records: dict[int, tuple[Observation, FrozenTrial]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """By the place in the history."""

    def ask(self, history: Sequence[Observation], count: int, held: Params) -> list[Params]:
        """New configurations. A draw that the history holds is repeated; a small space is searched for the rest."""
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
        study = optuna.create_study(direction=self.objective.goal, sampler=sampler)
        study.add_trials([self._record(i, seen) for i, seen in enumerate(history)])
        return study

    def _record(self, place: int, seen: Observation) -> FrozenTrial:
        """Made once, as long as the trial does not change."""
        from search_spaces.samplers.optuna_trials import frozen_trial  # 140 ms: Optuna

        if place not in self._records or self._records[place][0] != seen:
            self._records[place] = seen, frozen_trial(self.space, seen)
        return self._records[place][1]
