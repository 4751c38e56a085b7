"""The number and size of a sweep's lanes, as the spec says, or as a user has asked while it ran; and their GPUs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cluster.sweep.lane_count import LaneSize, lane_size
from cluster.sweep.steering.order import LANES, MAX_LANES

if TYPE_CHECKING:
    from cluster.lanes.joined_cluster import Joined
    from search_spaces.spec.sweep import Sweep
    from search_spaces.study.study import Study

GPUS: Final = Path("/proc/driver/nvidia/gpus")
KIND: Final = "accelerator_type:"
"""Beginning of Ray's name of a kind of GPU that a node has."""


def gpus(sweep: Sweep, joined: Joined | None) -> list[str]:
    """Return the kinds of GPUs that a sweep's lanes may have, here or on the cluster that was ``joined``."""
    if not sweep.resources.gpus:
        return []
    if joined:
        return sorted({name for node in joined.nodes() for name in node if name.startswith(KIND)})
    told = [line for file in GPUS.glob("*/information") for line in file.read_text(errors="replace").splitlines()]
    return sorted({line.partition(":")[2].strip() for line in told if line.startswith("Model:")})


def sized(sweep: Sweep, study: Study, joined: Joined | None) -> LaneSize:
    """Return the lanes with which a driver begins, here or on the cluster that it has ``joined``."""
    planned = _lanes(sweep, joined)
    wanted = study.facts().get(LANES, {}).get("count")
    return replace(planned, count=min(wanted, most_lanes(sweep, joined))) if wanted else planned


def most_lanes(sweep: Sweep, joined: Joined | None) -> int:
    """Return how many lanes a user may ask for: as many as fit, or as the spec says where that is more."""
    everything = sweep.model_copy(update={"max_concurrent": MAX_LANES if joined else None})
    return max(_lanes(everything, joined).count, _lanes(sweep, joined).count)


def _lanes(sweep: Sweep, joined: Joined | None) -> LaneSize:
    return joined.size(sweep) if joined else lane_size(sweep)
