"""Converts observations to Optuna's records of trials."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime

from optuna.trial import FrozenTrial, TrialState

from search_spaces.samplers.history import Observation
from search_spaces.space.space import Space
from search_spaces.types.objective import Objective

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


def frozen_trial(space: Space, seen: Observation, objective: Objective) -> FrozenTrial:
    """Return the record of an observation."""
    (state, value), internal = _told(seen, objective), space.internal(seen.params)
    record = Uncopied(
        number=-1,
        trial_id=-1,
        state=state,
        value=value,
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


def _told(seen: Observation, objective: Objective) -> tuple[TrialState, float | None]:
    """Return the state and value that Optuna is told.

    All trials with a value are complete, each with its best so far: Optuna would put any complete trial before
    every pruned one, whatever their values, and would count a running one, as a promoted trial is, among the bad.
    """
    if seen.state == "failed" or (seen.best_value is None and seen.state in ("paused", "done")):
        return TrialState.FAIL, None
    if seen.state == "infeasible":
        return TrialState.COMPLETE, math.inf if objective.ascending else -math.inf
    return (TrialState.RUNNING, None) if seen.best_value is None else (TrialState.COMPLETE, seen.best_value)
