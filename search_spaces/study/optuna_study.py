"""A study in Optuna's storage in memory, which a database then gets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import optuna
from optuna.storages import BaseStorage, InMemoryStorage
from optuna.study import StudyDirection
from optuna.trial import TrialState

from search_spaces.study.contract import Goals, Outcome, Record, Told, each_goal, each_value
from search_spaces.types.problems import Goal
from search_spaces.types.values import Params, restored, stored

if TYPE_CHECKING:
    from search_spaces.space.space import Space

_TELL: Mapping[Outcome, TrialState] = {
    "done": TrialState.COMPLETE,
    "stopped": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}
_OUTCOME = {state: outcome for outcome, state in _TELL.items()}


class OptunaStudy:
    """A study that Optuna keeps in memory: ``study``, in ``storage``."""

    def __init__(self, name: str, direction: Goals) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._begin(name, each_goal(direction))

    def _begin(self, name: str, directions: Sequence[Goal | StudyDirection]) -> None:
        """Make the study, without trials."""
        self.storage: BaseStorage = InMemoryStorage()
        self.study = optuna.create_study(study_name=name, directions=directions, storage=self.storage)
        self._kept_id = self.storage.get_study_id_from_name(name)
        self._kept_ids: list[int] = []
        """The storage's ID of each trial, by number."""

    def _id(self, number: int) -> int:
        for known in range(len(self._kept_ids), number + 1):
            found = self.storage.get_trial_id_from_study_id_trial_number(self._kept_id, known)
            self._kept_ids.append(found)
        return self._kept_ids[number]

    def add(self, space: Space, params: Params) -> int:
        """Add a running trial with these parameters and return its number."""
        number = self.storage.get_n_trials(self._kept_id)
        self.study.add_trial(
            optuna.trial.create_trial(
                state=TrialState.RUNNING,
                params=space.internal(params),
                distributions=space.distributions(params),
                user_attrs={"params": stored(params)},
            )
        )
        return number

    def report(self, number: int, epoch: int, value: float) -> None:
        """Store the objective after ``epoch``."""
        self.storage.set_trial_intermediate_value(self._id(number), epoch, value)

    def note(self, number: int, key: str, value: Any) -> None:
        """Store or replace an attribute of the trial."""
        self.storage.set_trial_user_attr(self._id(number), key, value)

    def tell(self, number: int, outcome: Outcome, value: Told) -> None:
        """End the trial. ``value`` is its best objective, used only where ``outcome`` is ``done``."""
        self.study.tell(number, each_value(value) if outcome == "done" else None, state=_TELL[outcome])

    def records(self) -> list[Record]:
        """Return every trial, by number."""
        return [
            Record(
                number=trial.number,
                params=restored(trial.user_attrs.get("params", {})),
                values=dict(sorted(trial.intermediate_values.items())),
                outcome=_OUTCOME.get(trial.state),
                attributes=trial.user_attrs,
            )
            for trial in self.study.get_trials(deepcopy=False)
        ]

    def set(self, key: str, value: Any) -> None:
        """Store or replace an attribute of the study."""
        self.study.set_user_attr(key, value)

    def facts(self) -> dict[str, Any]:
        """Return all attributes of the study."""
        return dict(self.study.user_attrs)
