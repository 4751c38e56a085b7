"""A study in Optuna's journal, which Optuna's tools can read, written and read without importing Optuna."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search_spaces.study import operations
from search_spaces.study.contract import Goals, Outcome, Record, Told, each_goal
from search_spaces.study.journal import BatchedJournal, mend
from search_spaces.study.operations import Operation, Replay
from search_spaces.types.driver_errors import Fenced
from search_spaces.types.values import Params

if TYPE_CHECKING:
    from search_spaces.space.space import Space


class JournalStudy:
    """A study in a journal file. Raises Damaged, and Fenced where it holds a higher ``attempt`` than this one.

    ``flush`` raises Fenced, too, where another process has written to the file, Gone, and Unwritable.
    """

    driven = False

    def __init__(self, name: str, direction: Goals, path: Path, writing: bool, attempt: int | None) -> None:
        self.mended = mend(path) if writing else ""
        self._file = BatchedJournal(path)
        self._replay = Replay(self._file.operations())
        self._worker, self._num_goals = str(uuid.uuid4()), len(each_goal(direction))
        if not self._replay.exists:
            self._write(operations.study_created(name, direction))
        before = int(self._replay.facts.get("attempt", 0))
        now = max(before, 1) if attempt is None else attempt
        if writing and now < before:
            raise Fenced(f"attempt {before} drives sweep {name} now: attempt {now} ends")
        if writing and now > before:
            self.set("attempt", now)
            self.flush()

    def _write(self, operation: Operation) -> None:
        self._file.append({**operation, "worker_id": self._worker})
        self._replay.apply(operation)

    def add(self, space: Space, params: Params) -> int:
        """Add a running trial with these parameters and return its number."""
        number = len(self._replay)
        self._write({**operations.trial_created(space, params), operations.NUMBER: number})
        return number

    def report(self, number: int, epoch: int, value: float) -> None:
        """Store the objective after ``epoch``."""
        assert self._replay.outcome(number) is None, f"trial {number} has ended"
        self._write(operations.value_set(number, epoch, value))

    def note(self, number: int, key: str, value: Any) -> None:
        """Store or replace an attribute of the trial."""
        assert self._replay.outcome(number) is None, f"trial {number} has ended"
        self._write(operations.trial_noted(number, key, value))

    def tell(self, number: int, outcome: Outcome, value: Told) -> None:
        """End the trial. Of a stopped one Optuna is told its last value, as by its own ``tell``, if it has one."""
        assert self._replay.outcome(number) is None, f"trial {number} has ended"
        assert outcome != "done" or value is not None, f"trial {number} is done without a value"
        values = self._replay.values(number)
        last = values[max(values)] if values and self._num_goals == 1 else None
        told: Mapping[Outcome, Told] = {"done": value, "stopped": last, "failed": None}
        self._write(operations.trial_ended(number, outcome, told[outcome]))

    def records(self) -> list[Record]:
        """Return every trial, by number."""
        return self._replay.records()

    def set(self, key: str, value: Any) -> None:
        """Store or replace an attribute of the study."""
        self._write(operations.study_noted(key, value))

    def facts(self) -> dict[str, Any]:
        """Return all attributes of the study."""
        return dict(self._replay.facts)

    def flush(self, sync: bool = True) -> None:
        """Write everything to the file, and ``sync`` it."""
        self._file.flush(sync)

    def forget(self) -> None:
        """Do nothing: the file is removed together with the sweep's home."""

    def close(self) -> None:
        """Do nothing: a journal holds no connection."""
