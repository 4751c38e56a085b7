"""The schedules, one row each: the words of specs, their template, JSON Schema and docs are made from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from search_spaces.schedules.asha import Asha, AshaParameters
from search_spaces.schedules.contract import NoParameters, Schedule, Setting
from search_spaces.schedules.full import Full


@dataclass(frozen=True, kw_only=True)
class ScheduleRow:
    """A schedule by the name that a spec gives it as ``early_terminate.type``."""

    name: str
    summary: str
    """One line for lists."""
    parameters: type
    """A frozen dataclass of ``parameter`` fields: the other keys of the spec's ``early_terminate``."""
    make: Callable[[Setting, Any], Schedule]


_ROWS = (
    ScheduleRow(
        name="asha",
        summary="asynchronous successive halving, at min_iter, min_iter * eta, ... epochs one of eta goes on",
        parameters=AshaParameters,
        make=lambda setting, parameters: Asha(setting.epochs, parameters),
    ),
    ScheduleRow(
        name="none",
        summary="every trial is trained to the last epoch",
        parameters=NoParameters,
        make=lambda setting, parameters: Full(setting.epochs),
    ),
)
SCHEDULES = {row.name: row for row in _ROWS}


def schedule(kind: str, setting: Setting, parameters: Mapping[str, Any]) -> Schedule:
    """The schedule named ``kind``; ``parameters`` that are not given are at their defaults."""
    row = SCHEDULES[kind]
    return row.make(setting, row.parameters(**parameters))
