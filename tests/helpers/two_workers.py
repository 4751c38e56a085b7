"""Processes that are a group of torch's (gloo), as Ray Train's workers are, without Ray."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch

from workloads.models.custom.ranks.present_group import keep_group
from workloads.training.process_group import ProcessGroup


def on_two(work: Callable[[ProcessGroup, Path], Any], folder: Path) -> list[Any]:
    """Call ``work(group, folder)`` in each of two new processes, and return what they return, by rank."""
    return on_several(2, work, folder)


def on_several(num: int, work: Callable[[ProcessGroup, Path], Any], folder: Path) -> list[Any]:
    """Call ``work(group, folder)`` in each of ``num`` new processes, and return what they return, by rank."""
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload([__name__, "workloads.legs.runner"])
    found: Any = server.SimpleQueue()
    processes = [server.Process(target=_worker, args=(work, rank, num, folder, found)) for rank in range(num)]
    for process in processes:
        process.start()
    told = dict(found.get() for _ in processes)
    for process in processes:
        process.join(60)
    assert all(process.exitcode == 0 for process in processes), told
    return [told[rank] for rank in range(num)]


def _worker(work: Callable[[ProcessGroup, Path], Any], rank: int, num: int, folder: Path, found: Any) -> None:
    os.environ |= {
        **{"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(num), "LOCAL_WORLD_SIZE": str(num)},
        **{"NODE_RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1", "ACCELERATE_TORCH_DEVICE": "cpu"},
    }
    torch.set_num_threads(1)
    folder.mkdir(parents=True, exist_ok=True)
    store = torch.distributed.FileStore(str(folder / "group"), num)
    torch.distributed.init_process_group(
        "gloo", store=store, rank=rank, world_size=num, timeout=timedelta(seconds=120)
    )
    control = torch.distributed.new_group(backend="gloo")
    keep_group()
    told: Any = None
    try:
        told = work(ProcessGroup(rank, num, local_rank=rank, control=control), folder)
    finally:
        found.put((rank, told))
    sys.stdout.flush()
    os._exit(0)  # threads may wait in torch for ever
