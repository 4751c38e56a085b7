"""Removes placement groups of worker groups whose Ray Train controller died while their workers started.

A placement group outlives the actor that created it, until the job ends. Ray Train has an actor that removes a dead
controller's group, but registers a group with it only when all workers have started. If the controller dies in the
ten seconds or more before that, the group's resources stay reserved until the job ends.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

EVERY_S = 5.0


def remove_orphaned_groups() -> None:
    """Remove this job's placement groups that a dead actor created. Ray names the creator only in raw records."""
    import ray
    from ray._private.state import state
    from ray.core.generated import gcs_pb2
    from ray.util.placement_group import PlacementGroup, remove_placement_group

    records: Any = gcs_pb2  # its classes are made when it is imported
    Record = records.PlacementGroupTableData
    job = ray.get_runtime_context().get_job_id()
    for raw in state._connect_and_get_accessor().get_placement_group_table():
        group = Record.FromString(raw)
        maker = group.creator_actor_id  # nil for the driver's groups, whose actor is dead, too, as Ray tells it
        by_actor = bool(maker) and not ray.ActorID(maker).is_nil()
        orphaned = by_actor and group.creator_actor_dead and not group.is_detached
        if orphaned and group.creator_job_id.hex() == job and group.state != Record.REMOVED:
            remove_placement_group(PlacementGroup(ray.PlacementGroupID(group.placement_group_id)))


def tidying(show: Callable[[], None]) -> Callable[[], None]:
    """Return ``show`` with a call of ``remove_orphaned_groups`` before it, at most every ``EVERY_S`` seconds."""
    last = time.monotonic()

    def tidy_and_show() -> None:
        nonlocal last
        if time.monotonic() - last > EVERY_S:
            remove_orphaned_groups()
            last = time.monotonic()
        show()

    return tidy_and_show
