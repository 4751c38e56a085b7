"""What Optuna's samplers are shown of a search: the records of the trials that matter, patched as trials go on."""

from __future__ import annotations

import math
import random
from bisect import bisect_left, insort
from collections.abc import Container, Sequence
from itertools import islice

from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, TrialState

from search_spaces.samplers.history import History
from search_spaces.samplers.optuna_trials import frozen_trial
from search_spaces.space.space import Space
from search_spaces.types.objective import Objective

NUM_GOOD = 25
"""Number of the best trials that are always shown: as many as TPE ever takes for good."""
MAX_RUNNING = 100
"""Number of running trials without a value that are always shown, so that a sampler keeps away from them."""
NUM_OTHERS = 375
"""Number of other trials that are shown; of more, a random choice that changes little from trial to trial."""

NUM_BELOW = 2**31
"""The records' numbers are those of the trials less this: the trials that a sampler is asked for count from 0."""


class ShownTrials:
    """Records of one history's trials.

    The best ``NUM_GOOD`` and the latest running ones are shown, and of the others those with the lowest random
    ranks, which trials draw once. So a sampler's time has a bound. Up to ``NUM_GOOD + NUM_OTHERS`` trials all are
    shown.
    """

    def __init__(self, space: Space, objectives: Sequence[Objective], seed: int, history: History) -> None:
        self.history = history
        self._space, self._objectives, self._seed = space, objectives, seed
        self._mark = 0
        self._records: dict[int, FrozenTrial] = {}
        self._running: set[int] = set()
        self._ranked: list[tuple[float, int]] = []
        """Signed value and number of the trials that have one, the best first."""
        self._drawn: list[tuple[float, int]] = []
        """Random rank and number of each trial, in order."""

    def trials(self) -> list[FrozenTrial]:
        """Return the records to show, by the trial's number."""
        self._mark, changed = self.history.since(self._mark)
        for number in changed:
            self._patch(number)
        if len(self._records) <= NUM_GOOD + NUM_OTHERS:
            return [self._records[number] for number in sorted(self._records)]
        shown = {number for _, number in self._ranked[:NUM_GOOD]}
        shown |= set(sorted(self._running)[-MAX_RUNNING:])
        others = (number for _, number in self._drawn if number not in shown)
        shown.update(islice(others, NUM_GOOD + NUM_OTHERS - len(shown)))
        return [self._records[number] for number in sorted(shown)]

    def _patch(self, number: int) -> None:
        record = frozen_trial(self._space, self.history.seen[number], self._objectives)
        if number in self._records:
            before = self._key(self._records[number], number)
            del self._ranked[bisect_left(self._ranked, before)]
        else:
            insort(self._drawn, (random.Random(f"{self._seed} {number}").random(), number))
        record.number = number - NUM_BELOW
        self._records[number] = record
        (self._running.add if record.state == TrialState.RUNNING else self._running.discard)(number)
        insort(self._ranked, self._key(record, number))

    def _key(self, record: FrozenTrial, number: int) -> tuple[float, int]:
        able = all(amount <= 0 for amount in record.constraints.values())
        known = record.state == TrialState.COMPLETE and able
        return self._objectives[0].signed(record.values[0]) if known else math.inf, number


class Past(InMemoryStorage):
    """A storage of Optuna's whose study has the ``shown`` records, besides the trials that it is asked for."""

    def __init__(self, shown: Sequence[FrozenTrial]) -> None:
        super().__init__()
        self._shown = shown

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """Return the shown records, uncopied, and the trials that were asked for."""
        asked = super().get_all_trials(study_id, deepcopy, states)
        return [trial for trial in self._shown if states is None or trial.state in states] + asked
