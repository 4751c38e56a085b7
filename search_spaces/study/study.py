"""The sweep's Optuna study: it stores each trial's parameters, values, state and progress as they arise."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import optuna
from optuna.storages import BaseStorage
from optuna.trial import TrialState

from search_spaces.space.space import Space
from search_spaces.study.journal import BatchedJournal, mend
from search_spaces.types.driver_errors import Fenced
from search_spaces.types.problems import Goal
from search_spaces.types.values import Params

if TYPE_CHECKING:
    from search_spaces.study.postgres import Database

Outcome = Literal["done", "stopped", "failed"]
_TELL = {"done": TrialState.COMPLETE, "stopped": TrialState.PRUNED, "failed": TrialState.FAIL}
_OUTCOME: Mapping[TrialState, Outcome] = {
    TrialState.COMPLETE: "done",
    TrialState.PRUNED: "stopped",
    TrialState.FAIL: "failed",
}


@dataclass(frozen=True, kw_only=True)
class Record:
    """One trial in the study. ``params`` are the searched hyperparameters, ``values`` the objective by epoch."""

    number: int
    params: Params
    values: Mapping[int, float]
    outcome: Outcome | None
    """None while the trial has not ended: it runs, waits at a rung, or its driver was killed."""
    attributes: Mapping[str, Any] = field(default_factory=dict)


class Journal:
    """A study in a journal file. Raises Damaged, and Fenced where it holds a higher ``attempt`` than this one.

    ``flush`` raises Fenced, too, where another process has written to the file, and Gone.
    """

    driven = False

    def __init__(self, name: str, direction: Goal, path: Path, writing: bool, attempt: int | None) -> None:
        self.mended = mend(path) if writing else ""
        self._backend = BatchedJournal(path)
        self.storage: BaseStorage = optuna.storages.JournalStorage(self._backend)
        self.study = optuna.create_study(
            study_name=name, direction=direction, storage=self.storage, load_if_exists=True
        )
        before = int(self.study.user_attrs.get("attempt", 0))
        now = max(before, 1) if attempt is None else attempt
        if writing and now < before:
            raise Fenced(f"attempt {before} drives sweep {name} now: attempt {now} ends")
        if writing and now > before:
            self.study.set_user_attr("attempt", now)
            self.flush()

    def flush(self) -> None:
        """Write everything to the file and sync it."""
        self._backend.flush()

    def forget(self) -> None:
        """Do nothing: the file is removed together with the sweep's home."""

    def close(self) -> None:
        """Do nothing: a journal holds no connection."""


class Study:
    """One sweep's Optuna study, in a journal file (``place`` is a Path) or in PostgreSQL (a URL).

    Nothing is on disk before ``flush``, which costs one sync. With ``writing`` false the study is only read, while
    another process may write it; one that does not exist yet has no trials. ``attempt`` numbers the drivers of a
    sweep that is restarted automatically: only the highest one may write. Raises Fenced, for a journal Damaged,
    and for a database Busy and StudyAway.
    """

    def __init__(
        self, name: str, direction: Goal, place: Path | str, writing: bool = True, attempt: int | None = None
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._kept: Journal | Database
        if isinstance(place, Path):
            self._kept = Journal(name, direction, place, writing, attempt)
        else:
            from search_spaces.study.postgres import Database  # 180 ms: SQLAlchemy

            self._kept = Database(name, direction, place, writing, attempt)
        self._study = self._kept.study
        self._storage = self._kept.storage
        self._study_id = self._storage.get_study_id_from_name(name)
        self._ids = [self._id(number) for number in range(len(self._study.get_trials(deepcopy=False)))]

    @property
    def mended(self) -> str:
        """What was wrong with the journal and has been mended, in words; empty where nothing was."""
        return self._kept.mended

    @property
    def driven(self) -> bool:
        """Whether a driver held the database's lock when the study was opened for reading; False for a journal."""
        return self._kept.driven

    def add(self, space: Space, params: Params) -> int:
        """Add a RUNNING trial with these parameters and return its number."""
        number = len(self._ids)
        self._study.add_trial(
            optuna.trial.create_trial(
                state=TrialState.RUNNING,
                params=space.internal(params),
                distributions=space.distributions(params),
                user_attrs={"params": dict(params)},
            )
        )
        self._ids.append(self._id(number))
        return number

    def _id(self, number: int) -> int:
        """Return the storage's ID of the trial."""
        return self._storage.get_trial_id_from_study_id_trial_number(self._study_id, number)

    def report(self, number: int, epoch: int, value: float) -> None:
        """Store the objective after ``epoch``, at most once for each epoch."""
        self._storage.set_trial_intermediate_value(self._ids[number], epoch, float(value))

    def note(self, number: int, key: str, value: Any) -> None:
        """Store or replace a user attribute of the trial, of JSON's types."""
        self._storage.set_trial_user_attr(self._ids[number], key, value)

    def tell(self, number: int, outcome: Outcome, value: float | None) -> None:
        """End the trial. ``value`` is its best objective, used only where ``outcome`` is ``done``."""
        self._study.tell(number, value if outcome == "done" else None, state=_TELL[outcome])

    def records(self) -> list[Record]:
        """Return every trial, by number."""
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
        """Store or replace an attribute of the study, of JSON's types."""
        self._study.set_user_attr(key, json.loads(json.dumps(value)))

    def facts(self) -> dict[str, Any]:
        """Return all attributes of the study."""
        return dict(self._study.user_attrs)

    def flush(self) -> None:
        """Write everything to disk, or to the database."""
        self._kept.flush()

    def forget(self) -> None:
        """Remove the study of a sweep that never started from its database; a journal is removed with the home."""
        self._kept.forget()

    def close(self) -> None:
        """Close the connection and release the lock, so that another driver may write."""
        self._kept.close()
