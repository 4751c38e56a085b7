"""What travels to a target: one sweep with its files, whatever kind of place it goes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Code = Literal["ship", "image"]
PODS = "k8s:"


def usual_code(place: str) -> Code:
    """How the code comes to a target where nobody says: pods have it in their image."""
    return "image" if place.startswith(PODS) else "ship"


@dataclass(frozen=True, kw_only=True)
class LaneNeed:
    """What one lane takes, as in the spec: ``workers`` processes of ``cpus`` and ``gpus`` each, at the least."""

    cpus: float = 1.0
    gpus: float = 0.0
    workers: int = 1


@dataclass(frozen=True, kw_only=True)
class Submission:
    """``files`` are the spec and what it needs, by path relative to the job's working folder."""

    id: str
    name: str
    owner: str
    version: str
    files: Mapping[str, bytes] = field(repr=False)
    spec_file: str = "sweep.yaml"
    """Which of the files is the spec."""
    code: Code = "ship"
    environment: Mapping[str, str] = field(default_factory=dict)
    """For the driver and the lanes; nothing secret."""
    attempt: int = 1
    """The first attempt's number; each retry takes the next (cluster/sweep/attempt.py)."""
    priority: int = 0
    queue: str | None = None
    """Of Kubernetes: the Kueue queue that admits the sweep."""
    num_workers: int | None = None
    """Ray workers of a queued sweep, whose cluster does not grow; None: as many as the template says."""
    deadline_s: int | None = None
    """Seconds after which the sweep is ended; None: as the target has it."""
    lane: LaneNeed = LaneNeed()

    @property
    def job_name(self) -> str:
        """What the target calls it."""
        return f"paceline-{self.id}-a{self.attempt}"
