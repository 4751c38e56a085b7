"""A group of worker processes under Ray Train, on one or several machines, that stays together for many legs.

Drivers import this module too, so torch and what needs it are imported inside functions.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psutil

from search_spaces.types.failure import LOST, FailureReason
from workloads.legs.meeting import formed

if TYPE_CHECKING:
    from ray.train.torch import TorchConfig

    from workloads.data.streaming.ray_data import RayShard
    from workloads.data.streaming.stream import Stream
    from workloads.training.process_group import ProcessGroup, Strategy

PATIENCE = {
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "1",
    "RAY_TRAIN_WORKER_HEALTH_CHECK_TIMEOUT_S": "25",
    "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S": "8",
}
"""Ray Train's timeouts in seconds for a worker's answer and for a group's start, unless the environment sets them.

By default a group's start may take 60 s, which Ray Train also waits for the resources of a machine that just died.
"""
PLAIN_PRINT = {"RAY_TRAIN_ENABLE_PRINT_PATCH": "0"}
"""Keeps Python's own ``print`` in workers: Ray Train's writes each line twice into what is kept of stdout."""
STREAM = "train"
"""Ray Train's name of the streamed training rows."""
QUIET = ("ray.train", "ray.data")
"""Loggers that ``hush`` silences."""
RESIZE_EVERY_S = 20.0
"""Seconds between two looks for workers that have come or gone, in a group of variable size."""


@dataclass(frozen=True)
class WorkerGroup:
    """The workers of one lane: between ``least`` and ``most``, as the cluster has room.

    ``cpus`` and ``gpus`` are those of one worker.
    """

    least: int
    most: int
    cpus: float
    gpus: float
    strategy: Strategy
    storage: str
    """Folder for Ray Train's own state; members' checkpoints lie elsewhere."""
    environment: Mapping[str, Any] = field(default_factory=dict)
    """Ray's runtime environment of the workers."""
    spares: bool = False
    """Whether processes are kept ready to replace workers that die."""
    custom: Mapping[str, float] = field(default_factory=dict)
    """Further resources of one worker, by Ray's names."""
    talks_only: bool = False
    """Whether what trains are processes of their own, so that the workers need none of their GPUs themselves."""


def train(
    work: Callable[[dict[str, Any]], None],
    config: dict[str, Any],
    group: WorkerGroup,
    fell: Callable[[FailureReason], None],
    stream: Stream | None = None,
) -> None:
    """Run ``work(config)`` in every worker until it returns; a death or a new number of workers starts it anew.

    ``fell`` is called, in another process, with the reason of each death. Each worker reads its ``shard`` of the
    ``stream``. Raises what Ray Train raises.
    """
    from ray.train import DataConfig, FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer

    from workloads.data.streaming.ray_data import dataset, options  # 1,200 ms: torch

    for name, wanted in {**PATIENCE, **PLAIN_PRINT}.items():
        os.environ.setdefault(name, wanted)
    workers = group.least if group.least == group.most else (group.least, group.most)
    meeting = TemporaryDirectory(ignore_cleanup_errors=True)
    trainer = TorchTrainer(
        work,
        train_loop_config=config,
        torch_config=_meeting_at(meeting.name, group),
        scaling_config=ScalingConfig(  # type: ignore[call-arg] # typed as Train V1's
            num_workers=workers,  # type: ignore[arg-type]
            use_gpu=group.gpus > 0,
            resources_per_worker={"CPU": group.cpus, **({"GPU": group.gpus} if group.gpus else {}), **group.custom},
            elastic_resize_monitor_interval_s=RESIZE_EVERY_S,
        ),
        run_config=RunConfig(  # type: ignore[call-arg] # typed as Train V1's
            storage_path=group.storage,
            failure_config=FailureConfig(max_failures=-1),
            callbacks=[_fallen(fell)],
            worker_runtime_env=dict(group.environment),
        ),
        datasets=None if stream is None else {STREAM: dataset(stream)},
        dataset_config=None if stream is None else DataConfig(execution_options=options()),
    )
    with meeting:
        trainer.fit()


def on_loopback() -> bool:
    """Whether this process's Ray listens on the loopback interface alone, as one of our own does.

    The address may be a host's name, as ``ray start --node-ip-address`` was given it. That is not resolved: many
    machines find themselves at a loopback address.
    """
    import ray

    address: str = ray.util.get_node_ip_address()  # type: ignore[no-untyped-call]
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def _meeting_at(folder: str, group: WorkerGroup) -> TorchConfig:
    """Return how the workers form torch's group: on a local Ray by a file in ``folder``, else as Ray does it.

    Ray has them meet at a port that listens on all addresses and asks for no token. A group that is not formed
    after ``MEET_S`` seconds ends Ray Train's run with NoGroup.
    """
    from ray.train.torch import TorchConfig

    usual: Any = TorchConfig().backend_cls
    backend = "nccl" if group.gpus >= 1 and not group.talks_only else "gloo"
    file = folder if on_loopback() else None

    class InTime(usual):  # type: ignore[misc] # a class that Ray names
        """Ray Train's backend for torch, with an end."""

        def on_start(self, worker_group: Any, backend_config: Any) -> None:
            """Form the group and try it; Ray calls it for each start of the workers."""
            form = partial(super().on_start, worker_group, backend_config)
            if file:
                form = partial(_by_file, worker_group, backend_config, file)
            formed(len(worker_group), backend, partial(_connected, worker_group, backend, form))

    class WithAnEnd(TorchConfig):
        """Ray Train's configuration of torch that takes ``InTime``."""

        @property
        def backend_cls(self) -> type:
            return InTime

        @property
        def train_func_context(self) -> Any:
            """Choose the worker's GPU, which takes some of its memory, unless others are to train on it."""
            return nullcontext if group.talks_only else super().train_func_context

    return WithAnEnd(backend=backend)


def _by_file(worker_group: Any, backend_config: Any, folder: str) -> None:
    import ray

    file = str(Path(folder, uuid4().hex))
    ray.get(worker_group.execute_async(_join, backend_config.backend, file, backend_config.timeout_s))


def _join(backend: str, file: str, timeout_s: float) -> None:
    """Join the group that meets at ``file``; its connections stay on the loopback interface."""
    import ray.train
    import torch

    addresses = psutil.net_if_addrs().items()
    loopback = next(name for name, found in addresses if any(at.address == "127.0.0.1" for at in found))
    context = ray.train.get_context()
    rank, size = context.get_world_rank(), context.get_world_size()
    for name in ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"):
        os.environ.setdefault(name, loopback)
    os.environ.setdefault("TORCH_NCCL_ASYNC_ERROR_HANDLING", "1")
    os.environ.update(
        RANK=str(rank),
        WORLD_SIZE=str(size),
        LOCAL_RANK=str(context.get_local_rank()),
        LOCAL_WORLD_SIZE=str(context.get_local_world_size()),
        NODE_RANK=str(context.get_node_rank()),
        ACCELERATE_TORCH_DEVICE=device(),
        MASTER_ADDR="127.0.0.1",
    )
    store = torch.distributed.FileStore(file, size)  # type: ignore[attr-defined] # in C++
    if rank == 0:
        store.set("port", str(_free_port()))
    os.environ["MASTER_PORT"] = store.get("port").decode()
    timeout = timedelta(seconds=timeout_s)
    torch.distributed.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=timeout)


def _free_port() -> int:
    """Return a port on which nothing listens: users' code may have one of its own stores there."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _connected(worker_group: Any, backend: str, form: Callable[[], object]) -> None:
    """Form the group, and connect it: NCCL does that only when something is sent."""
    import ray

    form()
    if backend == "nccl":
        ray.get(worker_group.execute_async(_greet))


def _greet() -> None:
    """Add up one number of each worker, which fails or hangs where they cannot reach each other."""
    import torch

    torch.distributed.all_reduce(torch.ones(1, device=device()))


def hush() -> None:
    """Silence Ray Train's and Ray Data's logs in this process: the driver tells the user what matters."""
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def here(strategy: Strategy, apart: bool = False) -> ProcessGroup:
    """Return the process group of this worker.

    ``apart`` leaves torch's default group to users' code, and has torchrun's variables tell it of that.
    """
    import ray.train
    import torch

    from workloads.training.process_group import ProcessGroup  # 1,200 ms: torch

    context = ray.train.get_context()
    control = None
    if apart and context.get_world_size() > 1:
        os.environ.update(GROUP_RANK=str(context.get_node_rank()), TORCHELASTIC_RUN_ID="paceline")
        control = torch.distributed.new_group(backend="gloo")
    local_rank = context.get_local_rank()
    return ProcessGroup(context.get_world_rank(), context.get_world_size(), strategy, local_rank, control)


def order_spares(order: Callable[[int, Mapping[str, float] | None], None], cpus: float, gpus: float) -> None:
    """Call ``order(num_workers, needed)`` on one worker of each node, with the number of the group's workers there.

    Every worker of a group must call this. ``needed``, the resources of one worker, is None except on rank 0.
    """
    import ray.train

    context = ray.train.get_context()
    if context.get_local_rank() == 0:
        needed = {"CPU": cpus, "GPU": gpus} if context.get_world_rank() == 0 else None
        order(context.get_local_world_size(), needed)


def shard(stream: Stream) -> RayShard:
    """Return this worker's part of the training rows; all workers get equally many."""
    import ray.train

    from workloads.data.streaming.ray_data import RayShard  # 1,200 ms: torch

    return RayShard(stream, ray.train.get_dataset_shard(STREAM))


def device() -> str:
    """Return the device that this worker trains on: ``cpu``, ``cuda:0`` ..."""
    import ray.train.torch

    return str(ray.train.torch.get_device())


class Warned:
    """Tells once that one of the group's machines will be taken away, so that members are saved before."""

    def __init__(self) -> None:
        self._known = False

    def __call__(self) -> bool:
        """Return whether the removal of a machine was announced since the last call."""
        import ray.train

        found = ray.train.get_preemption_info() is not None
        fresh, self._known = found and not self._known, found
        return fresh


def account(errors: Iterable[BaseException]) -> FailureReason:
    """Return why a worker group failed: a worker's death if there was one, else the tracebacks.

    The other workers' lost connections are only a consequence of a death and are left out.
    """
    texts = list(dict.fromkeys(str(error) for error in errors))
    dead = [error for error in errors if hasattr(error, "health_check_failure")]
    if dead:
        lines = str(dead[0].health_check_failure).splitlines()
        reason = next((line.strip() for line in lines if line.strip()), "no reason given")
        return FailureReason.told("lane_died", reason)
    if all(any(words in text for words in LOST) for text in texts):
        return FailureReason("lane_died", "the others lost their connection to it")
    return FailureReason.told("raised", "\n".join(t for t in texts if not any(words in t for words in LOST)))


def _fallen(fell: Callable[[FailureReason], None]) -> Any:
    from ray.train import UserCallback

    class Fallen(UserCallback):
        """Ray Train callback that passes on why workers died."""

        def after_exception(self, run_context: Any, worker_exceptions: dict[int, Exception]) -> None:
            """Pass the workers' errors on as one reason."""
            fell(account(worker_exceptions.values()))

    return Fallen()
