"""Table of the schedules. Spec keys, template, JSON Schema and reference pages are made from its rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from search_spaces.schedules.asha import Asha, AshaParameters
from search_spaces.schedules.contract import NoParameters, Schedule, Setting
from search_spaces.schedules.curves import Curves, CurvesParameters
from search_spaces.schedules.full import Full
from search_spaces.schedules.hyperband import Hyperband
from search_spaces.schedules.pbt import PbtParameters, PopulationBased
from search_spaces.schedules.stopping import (
    MedianParameters,
    Percentile,
    PercentileParameters,
    StoppingAsha,
    StoppingAshaParameters,
)
from search_spaces.types.catalogue import ScheduleInfo


@dataclass(frozen=True, kw_only=True)
class ScheduleRow(ScheduleInfo):
    """A schedule."""

    make: Callable[[Setting, Any], Schedule]
    """Function of the sweep's setting and the parameters that returns the schedule."""


_ROWS = (
    ScheduleRow(
        name="asha",
        summary="asynchronous successive halving, at min_iter, min_iter * eta, ... epochs one of eta continues",
        parameters=AshaParameters,
        make=lambda setting, parameters: Asha(setting.epochs, parameters),
        aliases=("async_halving",),
    ),
    ScheduleRow(
        name="asha_stopping",
        summary="the same rungs, but a trial that is not among the best as it arrives is stopped for good",
        parameters=StoppingAshaParameters,
        make=lambda setting, parameters: StoppingAsha(setting.epochs, parameters),
    ),
    ScheduleRow(
        name="hyperband",
        summary="asha in brackets that begin at different rungs, for curves that cross late",
        parameters=AshaParameters,
        make=lambda setting, parameters: Hyperband(setting.epochs, parameters),
        aliases=("adaptive_asha",),
    ),
    ScheduleRow(
        name="median",
        summary="a trial stops whose best value is worse than the median of the others after as many epochs",
        parameters=MedianParameters,
        make=lambda setting, parameters: Percentile(setting.epochs, parameters),
        aliases=("medianstop",),
    ),
    ScheduleRow(
        name="percentile",
        summary="a trial stops that is not among the best percentile of those after as many epochs",
        parameters=PercentileParameters,
        make=lambda setting, parameters: Percentile(setting.epochs, parameters, parameters.percentile / 100),
    ),
    ScheduleRow(
        name="curves",
        summary="a trial stops that a model of learning curves does not expect to beat the best value so far",
        parameters=CurvesParameters,
        make=lambda setting, parameters: Curves(setting.epochs, parameters),
        several=False,
    ),
    ScheduleRow(
        name="pbt",
        summary="population based training, the worst go on from the best ones' weights with changed values",
        parameters=PbtParameters,
        make=PopulationBased,
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
    """Return the schedule named ``kind``; parameters that are not given have their defaults."""
    row = SCHEDULES[kind]
    return row.make(setting, row.parameters(**parameters))
