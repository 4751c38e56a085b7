"""Converts observations to Optuna's records of trials."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
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


def frozen_trial(space: Space, seen: Observation, objectives: Sequence[Objective]) -> FrozenTrial:
    """Return the record of an observation."""
    told = _told(seen, objectives[0]) if len(objectives) == 1 else _told_several(seen, objectives)
    (state, values), internal = told, space.internal(seen.params)
    record = Uncopied(
        number=-1,
        trial_id=-1,
        state=state,
        value=None,
        values=values,
        params=internal,
        distributions=space.laws(internal),
        user_attrs={},
        system_attrs={},
        intermediate_values=dict(seen.values),
        datetime_start=LONG_AGO,
        datetime_complete=LONG_AGO if state.is_finished() else None,
    )
    record.noted = seen.constraints
    if seen.state == "infeasible" and len(objectives) > 1:
        record.noted = {**seen.constraints, "trains": 1.0}
    return record


def _told(seen: Observation, objective: Objective) -> tuple[TrialState, list[float] | None]:
    """Return the state and values that Optuna is told.

    All trials with a value are complete, each with its best so far: Optuna would put any complete trial before
    every pruned one, whatever their values, and would count a running one, as a promoted trial is, among the bad.
    """
    if seen.state == "failed" or (seen.best_value is None and seen.state in ("paused", "done")):
        return TrialState.FAIL, None
    if seen.state == "infeasible":
        return TrialState.COMPLETE, [math.inf if objective.ascending else -math.inf]
    return (TrialState.RUNNING, None) if seen.best_value is None else (TrialState.COMPLETE, [seen.best_value])


def _told_several(seen: Observation, objectives: Sequence[Objective]) -> tuple[TrialState, list[float] | None]:
    """Return the state and values that Optuna is told where there are several objectives.

    An infeasible trial breaks a constraint, so that its values do not count.
    """
    if seen.state == "infeasible":
        return TrialState.COMPLETE, [0.0] * len(objectives)
    if seen.state == "failed" or (seen.vector is None and seen.state in ("paused", "done")):
        return TrialState.FAIL, None
    return (TrialState.RUNNING, None) if seen.vector is None else (TrialState.COMPLETE, list(seen.vector))
