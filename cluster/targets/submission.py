"""Record of one submission: a sweep with its files and its needs, for any kind of target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from cluster.sweep.lane_count import LaneNeed

Code = Literal["ship", "image"]
PODS = "k8s:"


def usual_code(place: str) -> Code:
    """Return the default of `--code` for a target: ``image`` on Kubernetes, else ``ship``."""
    return "image" if place.startswith(PODS) else "ship"


@dataclass(frozen=True, kw_only=True)
class Submission:
    """A sweep to run; ``files`` are spec, modules and packages, by path relative to the job's working folder."""

    id: str
    name: str
    owner: str
    version: str
    files: Mapping[str, bytes] = field(repr=False)
    spec_file: str = "sweep.yaml"
    """Path of the spec among ``files``."""
    code: Code = "ship"
    environment: Mapping[str, str] = field(default_factory=dict)
    """Environment variables of driver and lanes, without secrets: Ray's dashboard shows them."""
    attempt: int = 1
    """Number of the first attempt; each retry takes the next (cluster/sweep/attempt.py)."""
    priority: int = 0
    queue: str | None = None
    """Kueue's LocalQueue that admits the sweep, on Kubernetes; None: no queue."""
    num_workers: int | None = None
    """Number of Ray workers of a queued sweep, whose cluster does not grow; None: the template's."""
    deadline_s: int | None = None
    """Seconds after which Kubernetes ends the sweep; None: the template's."""
    lane: LaneNeed = field(default_factory=LaneNeed)

    @property
    def job_name(self) -> str:
        """Name of the job on the target: ``paceline-7f3a91c2-a1``, with ID and attempt."""
        return f"paceline-{self.id}-a{self.attempt}"
