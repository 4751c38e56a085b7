"""Messages between driver and lane: the data a lane starts with, its orders, and its reports."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from search_spaces.race.legs import Exhibit, MemberEpoch, Purpose, Saved, Scored
from search_spaces.types.encodable import all_encodable
from search_spaces.types.failure import FailureReason
from search_spaces.types.module_path import NO_PACKAGES, Packages

if TYPE_CHECKING:
    import ray

    from cluster.sweep.shared_storage import Mark
    from cluster.sweep.steering.leg_marks import LegMarks

Handle = tuple[Purpose, int]
"""A running leg: its purpose and its number in that race."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """A lane's report to the driver: everything new since its last report."""

    epochs: Sequence[MemberEpoch] = ()
    saved: Sequence[Saved] = ()
    scored: Sequence[Scored] = ()
    exhibits: Sequence[Exhibit] = ()
    messages: Sequence[str] = ()
    """Lines for the user."""
    failure: FailureReason | None = None
    """Why the leg ended early."""
    seconds: float = 0.0
    fused: int = 1
    """Largest number of members of the leg that were trained as one program."""
    done: bool = False
    waiting: bool = False
    """Whether the lane's processes are still being started, so that the leg does not train yet."""
    left: str | None = None
    """What the leg left behind in its process, for users."""
    renew: bool = False
    """Whether a new lane must take this one's place: after what is ``left``, and after what users' code raised."""
    untested: str | None = None
    """Why a leg of the final evaluation, which is handed back, cannot be judged: a sentence for users."""
    handed_back: bool = False
    """Whether the leg was not trained, as it needs a new process."""
    lane: str = ""
    """Machine and process ID of the lane, as Tune tells them; empty where it does not."""

    def to_result(self) -> dict[str, Any]:
        """Return the report as a Tune result: one string, as Tune flattens and copies structured results."""
        return {"report": json.dumps(asdict(self)), "done": self.done, "renew": self.renew}

    @classmethod
    def from_result(cls, result: Mapping[str, Any]) -> Report:
        """Return the report in a Tune result."""
        record = all_encodable(json.loads(result["report"]))
        return cls(
            **{
                **record,
                "lane": f"{result['hostname']}:{result['pid']}" if "pid" in result else "",
                "failure": _reason(record),
                "epochs": [MemberEpoch(**{**item, "failure": _reason(item)}) for item in record["epochs"]],
                "saved": [Saved(**item) for item in record["saved"]],
                "scored": [Scored(**item) for item in record["scored"]],
                "exhibits": [Exhibit(**item) for item in record["exhibits"]],
            }
        )


class Order:
    """A leg on its way to a lane, in the configuration of a Tune trial.

    Tune copies and prints all else there, has each result bring it back, keeps it to the end, and writes it then:
    with 200 parameters to a trial a sixth of the driver's memory.
    """

    def __init__(self, leg: str) -> None:
        self._leg: str | None = leg

    def take(self) -> str | None:
        """Return the leg as JSON, once, and keep it no longer."""
        leg, self._leg = self._leg, None
        return leg

    def __deepcopy__(self, memo: object) -> Order:
        return self

    def __repr__(self) -> str:
        return "leg"


def taken(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a lane's configuration with its ``leg`` as JSON."""
    return {**config, "leg": config["leg"].take()}


def _reason(record: Mapping[str, Any]) -> FailureReason | None:
    return FailureReason(**record["failure"]) if record["failure"] else None


@dataclass(frozen=True)
class Shared:
    """Settings and data of all lanes of a sweep. ``search`` is the training and validation data, never the test."""

    setting: Mapping[str, Any]
    """Fields of a ``workloads.legs.runner.LegSetting``, which only lanes import: the driver imports no torch."""
    search: ray.ObjectRef[Any]
    stop_mark: Mark
    leg_marks: LegMarks
    """Marks that end single legs."""
    tracking_uri: str | None = None
    """MLflow store in which ``weights`` of the form models:/... are looked up; None: the environment's."""
    logs: str | None = None
    """Folder of the trials' logs; None: what users' code prints is not kept."""
    interface: Mapping[str, str] = field(default_factory=dict)
    """What the driver knows of a user's function, as it has read it from its file."""
    folder: str | None = None
    """Folder of the spec, in which users' code runs; None: wherever the process is."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Environment variables that the spec sets."""
    packages: Packages = NO_PACKAGES
    """What users' code needs beside Paceline's packages."""
