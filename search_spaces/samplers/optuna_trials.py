"""Converts observations to Optuna's records of trials."""

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
"""Start and end time of every record; samplers do not use times."""


class Uncopied(FrozenTrial):
    """A trial record that is not copied: Optuna's deep copies take as long as the sampling itself.

    A study writes its number and ID into it, which are the same in every study made from the history.
    """

    def __deepcopy__(self, memo: object) -> Uncopied:
        return self

    noted: Mapping[str, float] = {}

    @property
    def constraints(self) -> dict[str, float]:
        """Constraint values of the observation. Optuna's search for them in the attributes takes 5 % of an ask."""
        return dict(self.noted)


def frozen_trial(space: Space, seen: Observation) -> FrozenTrial:
    """Return the record of an observation. A paused trial becomes PRUNED; only a done one has a value."""
    state, internal = STATES[seen.state], space.internal(seen.params)
    record = Uncopied(
        number=-1,
        trial_id=-1,
        state=state,
        value=seen.best_value if seen.state == "done" else None,
        params=internal,
        distributions=space.laws(internal),
        user_attrs={},
        system_attrs={},
        intermediate_values=dict(seen.values),
        datetime_start=LONG_AGO,
        datetime_complete=LONG_AGO if state.is_finished() else None,
    )
    record.noted = seen.constraints
    return record
