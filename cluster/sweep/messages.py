"""What the driver gives a lane at birth, and what a lane tells the driver."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from search_spaces.race.legs import Exhibit, MemberEpoch, Saved, Scored
from search_spaces.types.failure import FailureReason

if TYPE_CHECKING:
    import ray

    from cluster.sweep.shared_storage import Mark


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a lane tells the driver: everything new since its last report."""

    epochs: Sequence[MemberEpoch] = ()
    saved: Sequence[Saved] = ()
    scored: Sequence[Scored] = ()
    exhibits: Sequence[Exhibit] = ()
    messages: Sequence[str] = ()
    """For people."""
    failure: FailureReason | None = None
    """Why the leg is over before its end; its lane lives on."""
    seconds: float = 0.0
    fused: int = 1
    """The most members of the leg that were one program."""
    done: bool = False

    def to_result(self) -> dict[str, Any]:
        """As one opaque text: Tune flattens and copies whatever structure it is given."""
        return {"report": json.dumps(asdict(self)), "done": self.done}

    @classmethod
    def from_result(cls, result: Mapping[str, Any]) -> Report:
        """The report in a Tune result."""
        record = json.loads(result["report"])
        return cls(
            **{
                **record,
                "failure": _reason(record),
                "epochs": [MemberEpoch(**{**item, "failure": _reason(item)}) for item in record["epochs"]],
                "saved": [Saved(**item) for item in record["saved"]],
                "scored": [Scored(**item) for item in record["scored"]],
                "exhibits": [Exhibit(**item) for item in record["exhibits"]],
            }
        )


def _reason(record: Mapping[str, Any]) -> FailureReason | None:
    return FailureReason(**record["failure"]) if record["failure"] else None


@dataclass(frozen=True)
class Shared:
    """What all lanes of a sweep share. ``search`` refers to the training and validation data, never the test."""

    setting: Mapping[str, Any]
    """The fields of a ``workloads.legs.runner.LegSetting``, which only lanes import: the driver holds no torch."""
    search: ray.ObjectRef[Any]
    stop_mark: Mark
    tracking_uri: str | None = None
    """Of the store in which ``weights`` of the form models:/... are looked for; None: the environment's."""
