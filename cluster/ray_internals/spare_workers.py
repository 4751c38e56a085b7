"""Spare workers: processes with their imports behind them, which take the place of one that has died.

Of the 15 to 20 s that a ring of processes takes to start anew, most are imports. Each worker has one spare made on
its own node, and the ring's first one on a further node that has room. Ray knows no spares, but keeps processes
that wait for work, of which one that never had any becomes an actor's. So a task is ordered, for which Ray starts
a process of the same runtime environment, and the order is cancelled before it is there.

On a node of few CPUs Ray ends idle processes after a second, unless ``RAY_num_workers_soft_limit`` is larger than
the number of all workers there: then a ring starts as it does without spares.
"""

from __future__ import annotations

import shlex
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from search_spaces.types.plain import ASKED_FOR, plain
from workloads.registry import WORKLOADS

IMPORTS = ("ray.train.torch", "ray.train.v2._internal.execution.worker_group.worker", "torch._dynamo")
"""DistributedDataParallel imports the last one, which takes as long as all of torch."""
FOR_LEGS = ("workloads.legs.runner", "workloads.training.plain_loop")
FOR_TABLES = (
    "workloads.training.table_inputs",
    "sklearn.compose",
    "sklearn.impute",
    "sklearn.pipeline",
    "sklearn.preprocessing",
)
WITHOUT = "a training whose worker dies goes on 10 to 16 s later"
ORDER_AFTER_S = 10.0
"""A ring that has just begun is not held up by its spares' imports."""
CANCEL_AFTER_S = 1.5
"""A process has been started by then, and has not imported torch yet."""


def why_off() -> str | None:
    """Why dead workers have no spares; None where they have."""
    if plain():
        return ASKED_FOR
    try:
        import ray.experimental.internal_kv  # noqa: F401 - whether it is there is the question
        from ray._private.state import available_resources_per_node  # noqa: F401 - likewise
    except ImportError as error:
        return f"Ray has changed inside: {error}"
    return None


def modules_of(workload: str, *, table: bool) -> tuple[str, ...]:
    """What a worker imports in its first leg, of a table or of other data."""
    own = WORKLOADS.get(workload, workload).partition(":")[0]
    return (*FOR_LEGS, own, *(FOR_TABLES if table else ()))


def environment(modules: Sequence[str]) -> dict[str, Any]:
    """The runtime environment of workers that import these modules before they are ready for anything.

    On a node that has no such Python Ray's workers start as they do without it. Empty where spares are off.
    """
    if why_off():
        return {}
    python = shlex.quote(sys.executable)
    warm = f"{python} -m cluster.ray_internals.warm_worker {','.join((*IMPORTS, *modules))}"
    return {"py_executable": f"$(test -x {python} && echo {warm} || command -v python3 || echo python)"}


def order(num_workers: int, needed: Mapping[str, float] | None) -> None:
    """Soon there are spares for so many workers on this node, and one elsewhere that needs that much.

    For the first worker of a ring on each node to call; ``needed`` is None but for the ring's first one.
    """
    _later(ORDER_AFTER_S, _order, num_workers, needed)


def _later(seconds: float, action: Callable[..., object], *args: object) -> None:
    timer = threading.Timer(seconds, action, args)
    timer.daemon = True
    timer.start()


def _order(num_workers: int, needed: Mapping[str, float] | None) -> None:
    """An order that meets a spare would spoil it. Those that there were have become this ring's workers."""
    import ray

    here = ray.get_runtime_context().get_node_id()
    left = max(0, _num_spares(here) - num_workers)
    _order_on(here, num_workers - left, num_workers)
    further = _further(needed) if needed else None
    if further is not None:
        _order_on(further, 1, 1)


def _order_on(node: str, num_orders: int, num_spares: int) -> None:
    """The task inherits the runtime environment of this process. Then there are so many spares on the node."""
    import ray
    from ray.experimental.internal_kv import _internal_kv_put
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    place = NodeAffinitySchedulingStrategy(node, soft=False)
    for _ in range(num_orders):
        task = ray.remote(_nothing).options(num_cpus=0, max_retries=0, scheduling_strategy=place).remote()
        _later(CANCEL_AFTER_S, ray.cancel, task)
    _internal_kv_put(_key(node), str(num_spares))


def _nothing() -> None:
    pass


def _num_spares(node: str) -> int:
    from ray.experimental.internal_kv import _internal_kv_get

    return int(_internal_kv_get(_key(node)) or 0)


def _key(node: str) -> str:
    import ray

    return f"paceline-spares-{ray.get_runtime_context().get_job_id()}-{node}"


def _further(needed: Mapping[str, float]) -> str | None:
    """A node that has no spare and could take a worker; None where there is none."""
    from ray._private.state import available_resources_per_node

    for node, free in available_resources_per_node().items():  # type: ignore[no-untyped-call] # Ray's
        if not _num_spares(node) and all(free.get(name, 0.0) >= amount for name, amount in needed.items()):
            return str(node)
    return None
