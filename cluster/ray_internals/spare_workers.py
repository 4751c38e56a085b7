"""Spare workers: idle processes with their modules imported, which replace a worker that has died.

Of the 15 to 20 s that a worker group takes to start again, most are imports. So there is one spare for each worker
on its own node, and one more on another node that has room. Ray has no spares, but keeps idle worker processes, and
starts an actor in one that has never worked. So a task is submitted, for which Ray starts a process of the same
runtime environment, and the task is cancelled before the process is ready.

On a node of few CPUs Ray ends idle processes after a second, unless ``RAY_num_workers_soft_limit`` is larger than
the number of all workers there: such a node has no spares.
"""

from __future__ import annotations

import shlex
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cluster.ray_internals.job_config import NO_ENV
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
WITHOUT = "a training whose worker dies continues 10 to 16 s later"
ORDER_AFTER_S = 10.0
"""Seconds before spares are ordered, so that their imports do not slow down a worker group that is starting."""
CANCEL_AFTER_S = 1.5
"""Seconds after which the task is cancelled: its process has started, and has not imported torch yet."""


def why_off() -> str | None:
    """Return the reason why there are no spare workers; None if there are."""
    if plain():
        return ASKED_FOR
    try:
        import ray.experimental.internal_kv  # noqa: F401 - to see whether it can be imported
        from ray._private.state import available_resources_per_node  # noqa: F401 - likewise
    except ImportError as error:
        return f"Ray has changed inside: {error}"
    return None


def modules_of(workload: str, *, table: bool) -> tuple[str, ...]:
    """Return the modules that a worker imports in its first leg; ``table`` says whether the data is a table."""
    own = WORKLOADS.get(workload, workload).partition(":")[0]
    return (*FOR_LEGS, own, *(FOR_TABLES if table else ()))


def environment(modules: Sequence[str], env: Mapping[str, str] = NO_ENV) -> dict[str, Any]:
    """Return the runtime environment of workers that import these modules as they start; without spares none do.

    The variables ``env`` are set before. On a node that lacks this process's Python, workers start as they do
    without it.
    """
    variables = {"env_vars": dict(env)} if env else {}
    if why_off():
        return variables
    python = shlex.quote(sys.executable)
    warm = f"{python} -P -m cluster.ray_internals.warm_worker {','.join((*IMPORTS, *modules))}"
    return {
        **variables,
        "py_executable": f"$(test -x {python} && echo {warm} || command -v python3 || echo python)",
    }


def order(num_workers: int, needed: Mapping[str, float] | None) -> None:
    """Order spares for ``num_workers`` workers on this node, and one on another node with resources ``needed``.

    The first worker of the group on each node calls it; only the group's first worker gives ``needed``, which is
    None for the others. The spares are ordered ``ORDER_AFTER_S`` seconds later.
    """
    _later(ORDER_AFTER_S, _order, num_workers, needed)


def _later(seconds: float, action: Callable[..., object], *args: object) -> None:
    timer = threading.Timer(seconds, action, args)
    timer.daemon = True
    timer.start()


def _order(num_workers: int, needed: Mapping[str, float] | None) -> None:
    """Order as many spares as are missing.

    ``num_workers`` of the earlier spares have become this group's workers. No more tasks than needed: a task that
    meets an idle spare would run in it, and Ray gives no actor to a process that has worked.
    """
    import ray

    here = ray.get_runtime_context().get_node_id()
    left = max(0, _num_spares(here) - num_workers)
    _order_on(here, num_workers - left, num_workers)
    further = _further(needed) if needed else None
    if further is not None:
        _order_on(further, 1, 1)


def _order_on(node: str, num_orders: int, num_spares: int) -> None:
    """Start ``num_orders`` processes on the node and record that it has ``num_spares`` spares.

    The tasks inherit the runtime environment of this process.
    """
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
    """Return the ID of a node without spares that has ``needed`` free resources; None if there is none."""
    from ray._private.state import available_resources_per_node

    for node, free in available_resources_per_node().items():  # type: ignore[no-untyped-call] # Ray's
        if not _num_spares(node) and all(free.get(name, 0.0) >= amount for name, amount in needed.items()):
            return str(node)
    return None
