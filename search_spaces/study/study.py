"""The sweep's truth about its trials: an Optuna study that is told what happened, when it happened."""

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
    """One trial as the study holds it. ``params`` are the searched ones, ``values`` the objective by epoch."""

    number: int
    params: Params
    values: Mapping[int, float]
    outcome: Outcome | None
    """None while it is not told: it runs, waits at a rung, or was cut off."""
    attributes: Mapping[str, Any] = field(default_factory=dict)


class Journal:
    """A study in a journal file. With a lower ``attempt`` than the file's, or once another has written, Fenced."""

    driven = False

    def __init__(self, name: str, direction: Goal, path: Path, writing: bool, attempt: int | None) -> None:
        self.num_bytes_mended = mend(path) if writing else 0
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
        """Puts everything on disk."""
        self._backend.flush()

    def forget(self) -> None:
        """It is removed with its home."""

    def close(self) -> None:
        """Nothing is held."""


class Study:
    """One sweep's Optuna study, in a journal file or, where ``place`` is a URL, in a database.

    Nothing is on disk before ``flush``, which costs one sync. With ``writing`` false the study is only read: it may
    be another process's, in the middle of a write, or not there yet, which is a study without trials. ``attempt``
    numbers the drivers of a sweep that something starts again: the highest one writes.
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
    def num_bytes_mended(self) -> int:
        """How much of a journal's torn tail was cut off."""
        return self._kept.num_bytes_mended

    @property
    def driven(self) -> bool:
        """Whether a driver, anywhere, held the database's lock when this was opened to be read."""
        return self._kept.driven

    def add(self, space: Space, params: Params) -> int:
        """A new RUNNING trial with these parameters; returns its number."""
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
        """The storage's name for the trial."""
        return self._storage.get_trial_id_from_study_id_trial_number(self._study_id, number)

    def report(self, number: int, epoch: int, value: float) -> None:
        """The objective after ``epoch``; an epoch is reported once."""
        self._storage.set_trial_intermediate_value(self._ids[number], epoch, float(value))

    def note(self, number: int, key: str, value: Any) -> None:
        """A JSON-able user attribute of the trial, replacing the one before."""
        self._storage.set_trial_user_attr(self._ids[number], key, value)

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
        self._kept.flush()

    def forget(self) -> None:
        """Of a sweep that never began, nothing stays in a database; a journal goes with its home."""
        self._kept.forget()

    def close(self) -> None:
        """Lets another driver have it."""
        self._kept.close()
