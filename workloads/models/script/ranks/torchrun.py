"""What a script is told as one of several ranks: torchrun's variables, and the folder that the ranks share."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Mapping
from pathlib import Path

from workloads.files.saved_files import SavedFiles
from workloads.training.process_group import ProcessGroup


def variables(group: ProcessGroup, run_id: str) -> Mapping[str, str]:
    """Return torchrun's variables for this rank. All must call it.

    Each call finds a new port on the first rank's machine: the script forms a group of its own there, each time
    that it is started.
    """
    node = os.environ.get("NODE_RANK", "0")
    num_nodes = len({*group.gathered(node)})
    address, port = group.agree((os.environ.get("MASTER_ADDR", "127.0.0.1"), _free_port()))
    rank, size = str(group.rank), str(group.size)
    return {
        "RANK": rank,
        "WORLD_SIZE": size,
        "LOCAL_RANK": str(group.local_rank),
        "LOCAL_WORLD_SIZE": os.environ.get("LOCAL_WORLD_SIZE", size),
        "NODE_RANK": node,
        "GROUP_RANK": node,
        "GROUP_WORLD_SIZE": str(num_nodes),
        "ROLE_NAME": "default",
        "ROLE_RANK": rank,
        "ROLE_WORLD_SIZE": size,
        "MASTER_ADDR": address,
        "MASTER_PORT": str(port),
        "TORCHELASTIC_RUN_ID": run_id,
        "TORCHELASTIC_RESTART_COUNT": "0",
        "TORCHELASTIC_MAX_RESTARTS": "0",
        "TORCHELASTIC_USE_AGENT_STORE": "False",  # the first rank's script opens the store, not its launcher
        "TORCH_NCCL_ASYNC_ERROR_HANDLING": os.environ.get("TORCH_NCCL_ASYNC_ERROR_HANDLING", "1"),
    }


def _free_port() -> int:
    """Return a port on which nothing listens here, at any address."""
    with socket.socket() as found:
        found.bind(("", 0))
        return int(found.getsockname()[1])


def shared_folder(group: ProcessGroup, saved: Path | None) -> tuple[Path, SavedFiles]:
    """Return the folder of this machine's ranks, with a copy of ``saved``, and what holds it. All must call it.

    That is the first rank's wherever that can be reached; the ranks of another machine have one of their own. It is
    removed once no rank holds it.
    """
    own = SavedFiles.empty()
    places = [Path(place) for place in group.gathered(str(own.path))]
    folder = next(place for place in places if place.is_dir())
    if folder == own.path and saved is not None:
        shutil.copytree(saved, own.path, dirs_exist_ok=True)
    group.gathered(None)  # the copy is there before a script of the group is started
    return folder, own
