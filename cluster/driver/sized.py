"""The number and size of a sweep's lanes: as the spec says, or as a user has asked while it ran."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cluster.sweep.lane_count import LaneSize, lane_size
from cluster.sweep.steering.helm import Helm
from cluster.sweep.steering.order import LANES, MAX_LANES

if TYPE_CHECKING:
    from cluster.lanes.joined_cluster import Joined
    from cluster.sweep.home import SweepHome
    from search_spaces.spec.sweep import Sweep
    from search_spaces.study.study import Study


def sized(sweep: Sweep, study: Study, joined: Joined | None) -> LaneSize:
    """Return the lanes with which a driver begins, here or on the cluster that it has ``joined``."""
    wanted = study.facts().get(LANES, {}).get("count")
    if wanted:
        sweep = sweep.model_copy(update={"max_concurrent": wanted})
    return joined.size(sweep) if joined else lane_size(sweep)


def helm_of(home: SweepHome, sweep: Sweep, now: LaneSize, joined: Joined | None) -> Helm:
    """Return the helm of a driver with the lanes of ``now``, which knows how many fit."""
    everything = sweep.model_copy(update={"max_concurrent": MAX_LANES if joined else None})
    most = joined.size(everything) if joined else lane_size(everything)
    return Helm.of(home, now.count, most.count)
