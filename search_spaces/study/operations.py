"""Operations of Optuna's journal: those that a sweep writes, and what they amount to, without importing Optuna.

Optuna's own storage makes a distribution of each parameter of each trial and keeps every operation: with 1,500
trials of 200 parameters 2 s and 400 MiB. A sweep has one writer and needs what ``Record`` holds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from search_spaces.study.contract import OUTCOMES, Goals, Outcome, Record, Told, each_goal, each_value
from search_spaces.types.problems import Goal
from search_spaces.types.values import Params, restored, stored

if TYPE_CHECKING:
    from search_spaces.space.space import Space

Operation = dict[str, Any]
DIRECTIONS: Mapping[Goal, int] = {"minimize": 1, "maximize": 2}
RUNNING = 0
NUMBER = "trial"
"""Key, which Optuna passes over, of a new trial's number, as lines before it may be lost."""


class Code(IntEnum):
    """Optuna's codes of the operations that a sweep writes; others are passed over."""

    CREATE_STUDY = 0
    SET_STUDY_ATTRIBUTE = 2
    CREATE_TRIAL = 4
    SET_STATE = 6
    SET_VALUE = 7
    SET_TRIAL_ATTRIBUTE = 8


def parsed(line: bytes) -> Operation:
    """Return the operation in a line of a journal, without a new trial's values as Optuna samples them.

    ``Replay`` takes the parameters from the attributes. The laws of 200 parameters are three quarters of a line:
    parsing 1,500 of them takes half a second.
    """
    start = line.find(b',"distributions":{')
    end = line.find(b',"user_attrs":{', start)
    operation: Operation = json.loads(line if start < 0 or end < 0 else line[:start] + line[end:])
    return operation


def study_created(name: str, goals: Goals) -> Operation:
    """Return the operation that creates the study."""
    directions = [DIRECTIONS[goal] for goal in each_goal(goals)]
    return {"op_code": Code.CREATE_STUDY, "study_name": name, "directions": directions}


def study_noted(key: str, value: Any) -> Operation:
    """Return the operation that stores an attribute of the study."""
    return {"op_code": Code.SET_STUDY_ATTRIBUTE, "study_id": 0, "user_attr": {key: value}}


def trial_created(space: Space, params: Params) -> Operation:
    """Return the operation that creates a running trial with these parameters, also those outside of the space."""
    internal = space.internal(params)
    laws = space.laws(internal)
    return {
        "op_code": Code.CREATE_TRIAL,
        "study_id": 0,
        "datetime_start": _now(),
        "state": RUNNING,
        "value": None,
        "values": None,
        "distributions": {name: space.law_as_json(name) for name in laws},
        "params": {name: laws[name].to_internal_repr(value) for name, value in internal.items()},
        "user_attrs": {"params": stored(params)},
        "system_attrs": {},
        "intermediate_values": {},
    }


def trial_noted(number: int, key: str, value: Any) -> Operation:
    """Return the operation that stores an attribute of the trial."""
    return {"op_code": Code.SET_TRIAL_ATTRIBUTE, "trial_id": number, "user_attr": {key: value}}


def value_set(number: int, epoch: int, value: float) -> Operation:
    """Return the operation that stores the objective after an epoch."""
    return {"op_code": Code.SET_VALUE, "trial_id": number, "step": epoch, "intermediate_value": value}


def trial_ended(number: int, outcome: Outcome, value: Told) -> Operation:
    """Return the operation that ends the trial with the values that Optuna is to see."""
    state = next(code for code, known in OUTCOMES.items() if known == outcome)
    told = {"trial_id": number, "state": state, "values": each_value(value), "datetime_complete": _now()}
    return {"op_code": Code.SET_STATE, **told}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


@dataclass
class _Trial:
    attributes: dict[str, Any]
    values: dict[int, float] = field(default_factory=dict)
    outcome: Outcome | None = None

    def record(self, number: int) -> Record:
        return Record(
            number=number,
            params=restored(self.attributes.get("params", {})),
            values=dict(sorted(self.values.items())),
            outcome=self.outcome,
            attributes=dict(self.attributes),
        )


class Replay:
    """What a journal's operations amount to: the study's attributes and its trials.

    As in Optuna, what a trial that has ended is told is passed over.
    """

    def __init__(self, operations: Iterable[Operation] = ()) -> None:
        self.facts: dict[str, Any] = {}
        self.exists = False
        """Whether the study was created."""
        self._trials: list[_Trial] = []
        self._records: dict[int, Record] = {}
        """Records made so far, of trials that have not changed since."""
        for operation in operations:
            self.apply(operation)

    def __len__(self) -> int:
        return len(self._trials)

    def apply(self, operation: Operation) -> None:
        """Apply one operation."""
        match operation["op_code"]:
            case Code.CREATE_STUDY:
                self.exists = True
            case Code.SET_STUDY_ATTRIBUTE:
                self.facts |= operation["user_attr"]
            case Code.CREATE_TRIAL:
                self._trials.append(_Trial(dict(operation.get("user_attrs", {}))))
            case Code.SET_STATE | Code.SET_VALUE | Code.SET_TRIAL_ATTRIBUTE as code:
                number = operation["trial_id"]
                if self._trials[number].outcome is None:
                    self._records.pop(number, None)
                    _change(self._trials[number], code, operation)
            case _:
                pass

    def values(self, number: int) -> Mapping[int, float]:
        """Return a trial's objective by epoch."""
        return self._trials[number].values

    def outcome(self, number: int) -> Outcome | None:
        """Return how a trial has ended; None where it has not."""
        return self._trials[number].outcome

    def records(self) -> list[Record]:
        """Return every trial, by number; those that have not changed as the same object as before."""
        for number, trial in enumerate(self._trials):
            if number not in self._records:
                self._records[number] = trial.record(number)
        return [self._records[number] for number in range(len(self._trials))]


def _change(trial: _Trial, code: int, operation: Operation) -> None:
    match code:
        case Code.SET_STATE:
            trial.outcome = OUTCOMES.get(operation["state"])
        case Code.SET_VALUE:
            trial.values[operation["step"]] = operation["intermediate_value"]
        case _:
            trial.attributes |= operation["user_attr"]
