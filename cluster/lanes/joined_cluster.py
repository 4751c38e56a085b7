"""Joins the Ray cluster in which this process is a job; ``local_ray`` starts a Ray of its own instead."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from cluster.lanes.fair_share import Claim, Sharing, withdraw
from cluster.sweep.lane_count import Amounts, LaneSize, cluster_size

if TYPE_CHECKING:
    from search_spaces.spec.sweep import Sweep

Answer = TypeVar("Answer")
NODE_TIMEOUT_S: Final = 120.0
LANE_ENVIRONMENT: Final = {
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(128 * 2**20),
}
"""Environment variables of lanes, equal to those of ``local_ray``: cluster workers do not inherit the driver's."""


@dataclass(frozen=True)
class Joined:
    """A cluster that this process has joined and shares with other jobs."""

    def size(self, sweep: Sweep) -> LaneSize:
        """Return how many lanes of the sweep fit on the cluster. Raises TooSmall."""
        return cluster_size(sweep, self.nodes(), self.growth())

    @property
    def num_machines(self) -> int:
        """Number of live nodes, at least 2 where an autoscaler may add some."""
        return max(len(alive_nodes()), 2 if self.growth() else 1)

    def sharing(self, sweep_id: str, sweep: Sweep, size: LaneSize) -> Sharing:
        """Return the sweep's share of the cluster's lanes."""
        import ray

        lane = {"cpus": size.cpus * size.most, "gpus": size.gpus * size.most}
        claim = Claim(id=sweep_id, priority=sweep.priority, since=time.time(), wanted=size.count, **lane)
        return Sharing(claim, ray.cluster_resources)

    def nodes(self) -> list[Amounts]:
        """Return the total resources of each live node, by Ray's names."""
        return [node["Resources"] for node in alive_nodes()]

    def growth(self) -> Amounts | None:
        """Return the resources of the cluster at its largest; None where there is no autoscaler."""
        from ray._private.state import state

        found: Amounts | None = state.get_max_resources_from_cluster_config()
        return found


def alive_nodes() -> list[dict[str, Any]]:
    """Return Ray's own records of the cluster's live nodes."""
    import ray

    every: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call] # Ray's
    return [node for node in every if node["Alive"]]


def on_every_node(
    function: Callable[..., Answer], *arguments: object, timeout_s: float = NODE_TIMEOUT_S
) -> dict[str, Answer]:
    """Call ``function`` on each live node; return the results by the node's address and the start of its ID."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    task, asked = ray.remote(num_cpus=0, max_retries=0)(function), {}
    for node in alive_nodes():
        here = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        name = f"{node['NodeManagerAddress']}/{node['NodeID'][:6]}"
        asked[name] = task.options(scheduling_strategy=here).remote(*arguments)
    found: list[Answer] = ray.get(list(asked.values()), timeout=timeout_s)
    return dict(zip(asked, found, strict=True))


@contextmanager
def joined(sweep_id: str) -> Iterator[Joined]:
    """Join this job's cluster, in a namespace of its own, for the block; the cluster itself is left running."""
    from cluster.ray_internals.local_ray import own_sigterm  # 14 ms, with settings that Ray and Tune read

    import ray  # isort: skip

    with own_sigterm():
        ray.init(address="auto", namespace=f"paceline-{sweep_id}", log_to_driver=False, logging_level=logging.ERROR)
    try:
        yield Joined()
    finally:
        withdraw(sweep_id)
        ray.shutdown()
