"""Keeps torch's process group through a user's function, which may form it and end it as a script does."""

from __future__ import annotations

import threading
from functools import cache, wraps
from typing import Any

import torch.distributed as dist


class FunctionThread(threading.Thread):
    """The thread of a user's function."""


@cache
def keep_group() -> None:
    """Make torch's ``init_process_group`` and ``destroy_process_group`` keep the group that is there.

    This holds for users' functions alone, and must be called before their modules are imported.
    """
    begins, ends = dist.init_process_group, dist.destroy_process_group

    @wraps(begins)
    def begin(backend: str | None = None, *given: Any, **named: Any) -> None:
        if not (_in_function() and dist.is_initialized()):
            return begins(backend, *given, **named)
        _check(backend, named.get("world_size", -1))
        return None

    @wraps(ends)
    def end(group: Any = None) -> None:
        if not _in_function() or group not in (None, dist.group.WORLD):
            ends(group)

    for module in (dist, dist.distributed_c10d):
        module.init_process_group, module.destroy_process_group = begin, end  # type: ignore[attr-defined]


def _in_function() -> bool:
    return isinstance(threading.current_thread(), FunctionThread)


def _check(backend: str | None, size: int) -> None:
    """Raise RuntimeError where another group is asked for than there is."""
    there = dist.get_backend()
    if backend is not None and there not in backend.lower() and there != "undefined":
        raise RuntimeError(
            f"init_process_group({backend!r}): these workers are a group already, of {there} "
            f"(nccl where resources.gpus is 1); leave the backend out, or call nothing"
        )
    if size not in (-1, dist.get_world_size()):
        asked = f"init_process_group(world_size={size})"
        raise RuntimeError(f"{asked}: these workers are a group already, of {dist.get_world_size()}")
