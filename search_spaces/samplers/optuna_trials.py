"""What a sampler is shown of the past: observations as Optuna's records."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from optuna.trial import FrozenTrial, TrialState

from search_spaces.samplers.contract import Observation
from search_spaces.space.space import Space

STATES = {
    "running": TrialState.RUNNING,
    "paused": TrialState.PRUNED,
    "done": TrialState.COMPLETE,
    "failed": TrialState.FAIL,
}
LONG_AGO = datetime(2000, 1, 1)
"""No sampler looks at a time."""


class Uncopied(FrozenTrial):
    """A record that a study may keep as it is: deep copies, for every question, take as long as the answer.

    What a study writes into it, its place and its storage's name for that, is the same for every question.
    """

    def __deepcopy__(self, memo: object) -> Uncopied:
        return self

    noted: Mapping[str, float] = {}

    @property
    def constraints(self) -> dict[str, float]:
        """Those of the observation. To look for them in the attributes, as Optuna does, takes 5 % of an ask."""
        return dict(self.noted)


def frozen_trial(space: Space, seen: Observation) -> FrozenTrial:
    """The record of an observation. A failed trial keeps no value, a paused one is PRUNED."""
    state = STATES[seen.state]
    record = Uncopied(
        number=-1,
        trial_id=-1,
        state=state,
        value=seen.best_value if seen.state == "done" else None,
        params=space.internal(seen.params),
        distributions=space.distributions(seen.params),
        user_attrs={},
        system_attrs={},
        intermediate_values=dict(seen.values),
        datetime_start=LONG_AGO,
        datetime_complete=LONG_AGO if state.is_finished() else None,
    )
    record.noted = seen.constraints
    return record
