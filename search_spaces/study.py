"""The sweep's truth about its trials: an Optuna study that is told what happened, when it happened."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import optuna
from optuna.trial import TrialState

from search_spaces.journal import BatchedJournal, mend
from search_spaces.legs import Params
from search_spaces.problems import Goal
from search_spaces.space import Space

Outcome = Literal["done", "stopped", "failed"]
_TELL = {"done": TrialState.COMPLETE, "stopped": TrialState.PRUNED, "failed": TrialState.FAIL}
_OUTCOME: Mapping[TrialState, Outcome] = {
    TrialState.COMPLETE: "done",
    TrialState.PRUNED: "stopped",
    TrialState.FAIL: "failed",
}


@dataclass(frozen=True, kw_only=True)
class Record:
    """One trial as the study holds it. ``params`` are the searched ones, ``values`` the objective by epoch."""

    number: int
    params: Params
    values: Mapping[int, float]
    outcome: Outcome | None
    """None while it is not told: it runs, waits at a rung, or was cut off."""
    attributes: Mapping[str, Any] = field(default_factory=dict)


class Study:
    """One sweep's Optuna study. Nothing is on disk before ``flush``, which costs one sync.

    With ``writing`` false the journal is only read: it may be another process's, in the middle of a write.
    """

    def __init__(self, name: str, direction: Goal, journal: Path, writing: bool = True) -> None:
        self.num_bytes_mended = mend(journal) if writing else 0
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._backend = BatchedJournal(journal)
        self._storage = optuna.storages.JournalStorage(self._backend)
        self._study = optuna.create_study(
            study_name=name, direction=direction, storage=self._storage, load_if_exists=True
        )
        self._trials = {t.number: optuna.Trial(self._study, t._trial_id) for t in self._study.get_trials(False)}

    def add(self, space: Space, params: Params) -> int:
        """A new RUNNING trial with these parameters; returns its number."""
        number = len(self._trials)
        self._study.add_trial(
            optuna.trial.create_trial(
                state=TrialState.RUNNING,
                params=space.internal(params),
                distributions=space.distributions(params),
                user_attrs={"params": dict(params)},
            )
        )
        trial_id = self._storage.get_trial_id_from_study_id_trial_number(self._study._study_id, number)
        self._trials[number] = optuna.Trial(self._study, trial_id)
        return number

    def report(self, number: int, epoch: int, value: float) -> None:
        """The objective after ``epoch``; an epoch is reported once."""
        self._trials[number].report(value, epoch)

    def note(self, number: int, key: str, value: Any) -> None:
        """A JSON-able user attribute of the trial, replacing the one before."""
        self._trials[number].set_user_attr(key, value)

    def tell(self, number: int, outcome: Outcome, value: float | None) -> None:
        """Ends the trial. ``value`` is its best, given when it is done."""
        self._study.tell(number, value if outcome == "done" else None, state=_TELL[outcome])

    def records(self) -> list[Record]:
        """Every trial in the order of their numbers."""
        return [
            Record(
                number=trial.number,
                params=trial.user_attrs.get("params", {}),
                values=dict(sorted(trial.intermediate_values.items())),
                outcome=_OUTCOME.get(trial.state),
                attributes=trial.user_attrs,
            )
            for trial in self._study.get_trials(deepcopy=False)
        ]

    def set(self, key: str, value: Any) -> None:
        """A JSON-able fact about the whole sweep, replacing the one before."""
        self._study.set_user_attr(key, json.loads(json.dumps(value)))

    def facts(self) -> dict[str, Any]:
        """Every fact that ``set`` stored."""
        return dict(self._study.user_attrs)

    def flush(self) -> None:
        """Puts everything on disk."""
        self._backend.flush()
