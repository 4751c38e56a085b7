"""Places that nobody will ever use again: Ray keeps those of a ring whose controller died while it started.

A placement group that an actor has made outlives it, until the job ends. Ray Train has an actor that removes it
where a controller has died, but tells it of a group only when all workers are there; until then, for the ten
seconds and more that a ring takes to start, a controller's death leaves the places taken for good.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

EVERY_S = 5.0


def remove_orphans() -> int:
    """Removes this job's placement groups whose maker, an actor, is dead. Returns how many there were."""
    import ray
    from ray._private.state import state
    from ray.core.generated import gcs_pb2
    from ray.util.placement_group import PlacementGroup, remove_placement_group

    table: Any = gcs_pb2  # its classes are made when it is imported
    Group = table.PlacementGroupTableData
    job, removed = ray.get_runtime_context().get_job_id(), 0
    for raw in state._connect_and_get_accessor().get_placement_group_table():
        group = Group.FromString(raw)
        maker = group.creator_actor_id
        by_actor = bool(maker) and not ray.ActorID(maker).is_nil()
        gone = by_actor and group.creator_actor_dead and not group.is_detached
        if gone and group.creator_job_id.hex() == job and group.state != Group.REMOVED:
            remove_placement_group(PlacementGroup(ray.PlacementGroupID(group.placement_group_id)))
            removed += 1
    return removed


def tidying(show: Callable[[], None]) -> Callable[[], None]:
    """``show``, which the driver calls over and over, and now and then ``remove_orphans`` before it."""
    last = time.monotonic()

    def tidy_and_show() -> None:
        nonlocal last
        if time.monotonic() - last > EVERY_S:
            remove_orphans()
            last = time.monotonic()
        show()

    return tidy_and_show
