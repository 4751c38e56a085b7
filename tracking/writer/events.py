"""What a sweep tells MLflow, one frozen record for each kind of news, and each one's JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from search_spaces.types.failure import FailureReason
from search_spaces.types.values import Params
from tracking import names
from tracking.store.records import PARENT, Best, RunFacts, now_ms

Time = Annotated[int, Field(alias="time")]
"""Milliseconds of MLflow's clock; ``time`` in JSON."""


@dataclass(frozen=True, kw_only=True)
class _Event:
    """``key`` names the member whose run it is about, PARENT the sweep's own."""

    __pydantic_config__ = ConfigDict(extra="forbid")
    key: str = PARENT
    time_ms: Time = field(default_factory=now_ms)


@dataclass(frozen=True, kw_only=True)
class TrialBegan(_Event):
    """A member appears: a trial of the search or a final one."""

    kind: Literal["trial"] = "trial"
    number: int
    role: names.Role
    params: Params


@dataclass(frozen=True, kw_only=True)
class EpochMeasured(_Event):
    """What one epoch measured; values may be NaN or infinite."""

    kind: Literal["epoch"] = "epoch"
    epoch: int
    metrics: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class StateChanged(_Event):
    """A member is in another state; ``summary`` is shown beside its curves."""

    kind: Literal["state"] = "state"
    state: names.TrialState
    summary: Mapping[str, float]
    failure: FailureReason | None = None


@dataclass(frozen=True, kw_only=True)
class SweepSummarized(_Event):
    """The sweep's own state, leader, metrics and tags."""

    kind: Literal["summary"] = "summary"
    state: names.SweepState
    best: Best | None
    metrics: Mapping[str, float]
    tags: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class TextKept(_Event):
    """A text artifact at ``path`` of the run."""

    kind: Literal["text"] = "text"
    path: str
    text: str


@dataclass(frozen=True, kw_only=True)
class ContentKept(_Event):
    """A binary artifact at ``path`` of the run; ``content`` is base64."""

    kind: Literal["content"] = "content"
    path: str
    content: str


@dataclass(frozen=True, kw_only=True)
class Reconciled(_Event):
    """From here on MLflow's runs of the sweep are exactly ``expected``, by key."""

    kind: Literal["reconcile"] = "reconcile"
    expected: Mapping[str, RunFacts]


RunEvent = TrialBegan | EpochMeasured | StateChanged | SweepSummarized
"""Changes of runs, which can be sent together."""
Artifact = TextKept | ContentKept
Event = RunEvent | Artifact | Reconciled
"""The closed union: a new kind is a record here and a case wherever mypy then finds one missing."""

_MODEL: Final[TypeAdapter[Event]] = TypeAdapter(Annotated[Event, Field(discriminator="kind")])


class UnknownEvent(ValueError):
    """A record that is no event of this version; the text is the reason."""


def to_json(event: Event) -> dict[str, Any]:
    """A record of JSON's types; ``from_json`` gives an equal event."""
    record: dict[str, Any] = _MODEL.dump_python(event, by_alias=True)
    return record


def from_json(record: object) -> Event:
    """Reads what ``to_json`` gave, in this version or an older one. Raises UnknownEvent."""
    try:
        return _MODEL.validate_python(_with_reasons(record))
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        places = [".".join(map(str, fault["loc"])) or "event" for fault in faults]
        reasons = [f"{place}: {fault['msg']}" for place, fault in zip(places, faults, strict=True)]
        raise UnknownEvent("; ".join(reasons)) from error


def _with_reasons(record: object) -> object:
    """The record with a reason wherever an older version told of a failure in free text, under ``error``."""
    if not isinstance(record, dict):
        return record
    if isinstance(record.get("expected"), dict):
        return {**record, "expected": {key: _with_reasons(facts) for key, facts in record["expected"].items()}}
    if "error" not in record:
        return record
    return {**{k: v for k, v in record.items() if k != "error"}, "failure": FailureReason.noted(record)}
