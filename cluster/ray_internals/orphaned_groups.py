"""Ray's placement groups that nobody will use again: of a trial's workers whose controller died as they started.

A group that an actor has made outlives it, until the job ends. Ray Train has an actor that removes it where a
controller has died, but tells it of a group only when all workers are there; until then, for the ten seconds and
more that they take to start, a controller's death leaves their places taken for good.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

EVERY_S = 5.0


def remove_orphaned_groups() -> None:
    """Removes this job's groups whose maker, an actor, is dead. Ray tells of a group's maker in its raw records."""
    import ray
    from ray._private.state import state
    from ray.core.generated import gcs_pb2
    from ray.util.placement_group import PlacementGroup, remove_placement_group

    records: Any = gcs_pb2  # its classes are made when it is imported
    Record = records.PlacementGroupTableData
    job = ray.get_runtime_context().get_job_id()
    for raw in state._connect_and_get_accessor().get_placement_group_table():
        group = Record.FromString(raw)
        maker = group.creator_actor_id  # nil where it was the driver, which is told to be dead, too
        by_actor = bool(maker) and not ray.ActorID(maker).is_nil()
        orphaned = by_actor and group.creator_actor_dead and not group.is_detached
        if orphaned and group.creator_job_id.hex() == job and group.state != Record.REMOVED:
            remove_placement_group(PlacementGroup(ray.PlacementGroupID(group.placement_group_id)))


def tidying(show: Callable[[], None]) -> Callable[[], None]:
    """``show``, which the driver calls over and over, and now and then ``remove_orphaned_groups`` before it."""
    last = time.monotonic()

    def tidy_and_show() -> None:
        nonlocal last
        if time.monotonic() - last > EVERY_S:
            remove_orphaned_groups()
            last = time.monotonic()
        show()

    return tidy_and_show
