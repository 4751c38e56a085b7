"""Asks Optuna's samplers for configurations, in a study whose past is ours and is patched, not rebuilt."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from search_spaces.samplers.grid import Leftovers
from search_spaces.samplers.history import History
from search_spaces.space.space import Space
from search_spaces.types.objective import Objective
from search_spaces.types.values import Identity, Params, identity

if TYPE_CHECKING:
    import optuna

    from search_spaces.samplers.redraws import Redraws
    from search_spaces.samplers.shown_trials import ShownTrials

MAX_REDRAWS = 20
"""Number of draws of a configuration that no trial has and that satisfies the requirements of the space."""


class OptunaSampler:
    """A sampler of Optuna's: ``make`` returns it for a seed.

    Before ``num_blind`` trials with a result it ignores them; with None always, and it is shown none.
    """

    def __init__(
        self,
        space: Space,
        objectives: Sequence[Objective],
        seed: int,
        make: Callable[[int], optuna.samplers.BaseSampler],
        num_blind: int | None = None,
    ) -> None:
        self.space, self.objectives, self.seed = space, tuple(objectives), seed
        self._make, self._num_blind = make, num_blind
        self._shown: ShownTrials | None = None
        self._left = Leftovers(space, seed)
        self._redraws: Redraws | None = None

    def is_blind(self, history: History) -> bool:
        """Whether it uses the history, but fewer than ``num_blind`` trials have a result."""
        return self._num_blind is not None and history.num_known < self._num_blind

    def ask(self, history: History, count: int, held: Params) -> list[Params]:
        """Return new configurations. A draw that is in the history is repeated, at most ``MAX_REDRAWS`` times.

        After that, the points of a small space are searched for an unseen one.
        """
        study = self._study(history, held)
        most = self._left.num(history, held)
        found: dict[Identity, Params] = {}
        while len(found) < min(count, most) and (params := self._draw(study, history, found, held)):
            found[identity(params)] = params
        return list(found.values())

    def _draw(
        self, study: optuna.Study, history: History, found: dict[Identity, Params], held: Params
    ) -> Params | None:
        """Return a configuration that no trial has; None where a large space gave none."""
        from optuna.trial import TrialState

        for _ in range(MAX_REDRAWS):
            trial = study.ask()
            params = self.space.ask(trial, held)
            if not history.has(params) and identity(params) not in found and self.space.satisfies(params):
                return params
            # A RUNNING trial counts as bad (constant liar), which would make its point, one of the best, look bad.
            study.tell(trial, state=TrialState.FAIL)
        return self._left.one(history, held, found) or self._redrawn(history, held, found, params)

    def _redrawn(
        self, history: History, held: Params, found: dict[Identity, Params], last: Params
    ) -> Params | None:
        """Return a random configuration that satisfies the requirements, near ``last`` for a learning sampler."""
        if not self.space.require:
            return None
        if self._redraws is None:
            from search_spaces.samplers.redraws import Redraws  # 60 ms: NumPy
            from search_spaces.space.cube import Cube  # 60 ms: NumPy

            self._redraws = Redraws(self.space, Cube(self.space), self.seed)
        return self._redraws.one(history, held, found, None if self._num_blind is None else last)

    def _study(self, history: History, held: Params) -> optuna.Study:
        import optuna

        from search_spaces.samplers.shown_trials import Past, ShownTrials  # 140 ms: Optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        sampler = self._make((self.seed * 1_000_003 + len(history)) % 2**32)
        if held:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                sampler = optuna.samplers.PartialFixedSampler(self.space.internal(held), sampler)
        if self._num_blind is not None and (self._shown is None or self._shown.history is not history):
            self._shown = ShownTrials(self.space, self.objectives, self.seed, history)
        past = Past(self._shown.trials() if self._shown else [])
        directions = [one.goal for one in self.objectives]
        return optuna.create_study(directions=directions, sampler=sampler, storage=past)
