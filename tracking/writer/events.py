"""Events of a sweep that the writer sends to MLflow: a frozen record for each kind, and its JSON."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from search_spaces.types.failure import FailureReason
from search_spaces.types.values import Params
from tracking import names
from tracking.store.records import PARENT, Best, RunFacts, now_ms

Time = Annotated[int, Field(alias="time")]
"""Milliseconds since 1970; ``time`` in JSON."""


@dataclass(frozen=True, kw_only=True)
class _Event:
    """Fields of every event; ``key`` is that of the member whose run changes, PARENT for the sweep's own run."""

    __pydantic_config__ = ConfigDict(extra="forbid")
    key: str = PARENT
    time_ms: Time = field(default_factory=now_ms)


@dataclass(frozen=True, kw_only=True)
class TrialBegan(_Event):
    """A member, of the search or of the final evaluation, has started."""

    kind: Literal["trial"] = "trial"
    number: int
    role: names.Role
    params: Params


@dataclass(frozen=True, kw_only=True)
class EpochMeasured(_Event):
    """Metrics of one epoch of a member; values may be NaN or infinite."""

    kind: Literal["epoch"] = "epoch"
    epoch: int
    metrics: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class StateChanged(_Event):
    """A member has entered ``state``; ``summary`` holds metrics of its whole training."""

    kind: Literal["state"] = "state"
    state: names.TrialState
    summary: Mapping[str, float]
    failure: FailureReason | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SweepSummarized(_Event):
    """The sweep's own run has a new state, best trial, metrics and tags."""

    kind: Literal["summary"] = "summary"
    state: names.SweepState
    best: Best | None
    metrics: Mapping[str, float]
    tags: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class TextKept(_Event):
    """A text artifact of the run, at the relative path ``path``, or a part of one, from its byte ``start`` on."""

    kind: Literal["text"] = "text"
    path: str
    text: str
    start: int = 0
    more: bool = False
    """Whether another part follows; the artifact is stored with the last one."""

    @property
    def data(self) -> bytes:
        """The text as the artifact holds it."""
        return self.text.encode()


@dataclass(frozen=True, kw_only=True)
class ContentKept(_Event):
    """A binary artifact of the run, at the relative path ``path``; ``content`` is base64."""

    kind: Literal["content"] = "content"
    path: str
    content: str

    @property
    def data(self) -> bytes:
        """The artifact."""
        return base64.b64decode(self.content)


@dataclass(frozen=True, kw_only=True)
class EpochsWithdrawn(_Event):
    """Epochs of a member after ``kept`` do not count: a driver that died told them, and its study lacks them."""

    kind: Literal["withdrawn"] = "withdrawn"
    kept: int


@dataclass(frozen=True, kw_only=True)
class Reconciled(_Event):
    """MLflow's runs of the sweep must now be exactly ``expected``, by key."""

    kind: Literal["reconcile"] = "reconcile"
    expected: Mapping[str, RunFacts]
    lost: bool = False
    """Whether the spool has lost events, so that any value may be missing, not only the last ones."""
    told: Mapping[str, int] = field(default_factory=dict)
    """By key, the last epoch that the spool has told of each member that trains on."""


@dataclass(frozen=True, kw_only=True)
class TrialsRanked(_Event):
    """The search has ended with this order of its trials, the best first, by key.

    ``finals`` says what the final evaluation made of some of them, such as ``champion``; ``metrics`` holds what is
    known of those that were trained with several seeds.
    """

    kind: Literal["ranked"] = "ranked"
    order: Sequence[str]
    finals: Mapping[str, str]
    metrics: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    champion: str = ""
    """Key of the run of the final evaluation whose model is the champion's; empty where there is none."""
    note: str = ""
    """Note of that run, in Markdown."""


RunEvent = TrialBegan | EpochMeasured | StateChanged | SweepSummarized
"""Events that change a run's record; neighbours are sent together."""
Artifact = TextKept | ContentKept
Event = RunEvent | Artifact | EpochsWithdrawn | Reconciled | TrialsRanked
"""All kinds of events. A new kind is a record here, and a case in each ``match`` where mypy reports it missing."""

_MODEL: Final[TypeAdapter[Event]] = TypeAdapter(Annotated[Event, Field(discriminator="kind")])


class UnknownEvent(ValueError):
    """Raised for a record that is no event of this version; the text is the reason."""


def to_json(event: Event) -> dict[str, Any]:
    """Return the event as a record of JSON's types; ``from_json`` returns an equal event."""
    record: dict[str, Any] = _MODEL.dump_python(event, by_alias=True)
    return record


def from_json(record: object) -> Event:
    """Return the event that ``to_json`` wrote, in this version or an older one. Raises UnknownEvent for others."""
    try:
        return _MODEL.validate_python(_of_today(record))
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        places = [".".join(map(str, fault["loc"])) or "event" for fault in faults]
        reasons = [f"{place}: {fault['msg']}" for place, fault in zip(places, faults, strict=True)]
        raise UnknownEvent("; ".join(reasons)) from error


def _of_today(record: object) -> object:
    """Return the record of an older version as this one writes it.

    Each free text under ``error`` becomes a FailureReason, and a sweep's state gets its present name.
    """
    if not isinstance(record, dict):
        return record
    if isinstance(record.get("expected"), dict):
        return {**record, "expected": {key: _of_today(facts) for key, facts in record["expected"].items()}}
    if record.get("kind") == "summary" and record.get("state") in names.EARLIER_STATES:
        return {**record, "state": names.EARLIER_STATES[record["state"]]}
    if "error" not in record:
        return record
    return {**{k: v for k, v in record.items() if k != "error"}, "failure": FailureReason.noted(record)}
