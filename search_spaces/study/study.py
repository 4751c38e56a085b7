"""A sweep's study: it stores each trial's parameters, values, state and progress as they arise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search_spaces.study.contract import Goals, Outcome, Record, Told
from search_spaces.study.journal_study import JournalStudy
from search_spaces.types.values import Params

if TYPE_CHECKING:
    from search_spaces.space.space import Space
    from search_spaces.study.letters import Letter
    from search_spaces.study.postgres import Database


class Study:
    """One sweep's study of Optuna's, in a journal file (``place`` is a Path) or in PostgreSQL (a URL).

    Nothing is on disk before ``flush``, which costs one sync. With ``writing`` false the study is only read, while
    another process may write it; one that does not exist yet has no trials. ``attempt`` numbers the drivers of a
    sweep that is restarted automatically: only the highest one may write. Raises Fenced, for a journal Damaged,
    and for a database Busy and StudyAway.
    """

    def __init__(
        self, name: str, direction: Goals, place: Path | str, writing: bool = True, attempt: int | None = None
    ) -> None:
        self._kept: JournalStudy | Database
        if isinstance(place, Path):
            self._kept = JournalStudy(name, direction, place, writing, attempt)
        else:
            from search_spaces.study.postgres import Database  # 320 ms: SQLAlchemy and Optuna

            self._kept = Database(name, direction, place, writing, attempt)

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
        return self._kept.add(space, params)

    def report(self, number: int, epoch: int, value: float) -> None:
        """Store the objective after ``epoch``, at most once for each epoch."""
        self._kept.report(number, epoch, float(value))

    def note(self, number: int, key: str, value: Any) -> None:
        """Store or replace a user attribute of the trial, of JSON's types."""
        self._kept.note(number, key, value)

    def tell(self, number: int, outcome: Outcome, value: Told) -> None:
        """End the trial. ``value`` is its best objective, or each, used only where ``outcome`` is ``done``."""
        self._kept.tell(number, outcome, value)

    def records(self) -> list[Record]:
        """Return every trial, by number."""
        return self._kept.records()

    def set(self, key: str, value: Any) -> None:
        """Store or replace an attribute of the study, of JSON's types."""
        self._kept.set(key, json.loads(json.dumps(value)))

    def facts(self) -> dict[str, Any]:
        """Return all attributes of the study."""
        return self._kept.facts()

    def letters(self, kind: str) -> list[Letter]:
        """Return the letters of this kind to the sweep's driver, which come by a database alone."""
        return [] if isinstance(self._kept, JournalStudy) else self._kept.letters(kind)

    def flush(self, sync: bool = True) -> None:
        """Write everything to the journal, and ``sync`` that to its disk; or to the database, which does."""
        if isinstance(self._kept, JournalStudy):
            self._kept.flush(sync)
        else:
            self._kept.flush()

    def forget(self) -> None:
        """Remove the study of a sweep that never started from its database; a journal is removed with the home."""
        self._kept.forget()

    def close(self) -> None:
        """Close the connection and release the lock, so that another driver may write."""
        self._kept.close()
