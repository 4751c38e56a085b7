"""`python -m cluster.probe`, as a job: looks at the cluster from every node and prints one line of JSON."""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from cluster.doctor.machine import PACKAGES
from cluster.doctor.reachability import store_fault
from cluster.lanes.joined_cluster import joined, on_every_node

MARK: Final = "paceline-probe "
"""Begins the line that counts; the log may hold others'."""


def seen_here(home: str | None, mark: str | None, store: str | None) -> dict[str, Any]:
    """What this process's node has: versions, where our packages come from, and what it can reach."""
    found: dict[str, Any] = {"python": platform.python_version(), "ray": metadata.version("ray")}
    found["packages"] = {name: _origin(name) for name in PACKAGES}
    found["home"] = bool(mark and Path(mark).exists()) if home else None
    found["store"] = store_fault(store) if store else None
    try:
        import torch

        found["gpus"] = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        found["torch"] = torch.__version__
    except (ImportError, OSError, RuntimeError) as error:
        found["torch"], found["gpus"] = None, []
        found["torch_fault"] = f"{type(error).__name__}: {error}"
    return found


def _origin(name: str) -> str:
    try:
        return str(importlib.import_module(name).__file__)
    except ImportError as error:
        return f"not importable: {error}"


def look() -> dict[str, Any]:
    """What every node of the joined cluster sees, by its address, and what the cluster has and has free."""
    import ray

    home, store = os.environ.get("PACELINE_HOME"), os.environ.get("MLFLOW_TRACKING_URI")
    mark, fault = _leave_mark(home)
    try:
        seen = on_every_node(seen_here, home, str(mark) if mark else None, store)
    finally:
        if mark is not None:
            mark.unlink()
    return {
        "nodes": seen,
        "home": home,
        "home_fault": fault,
        "store": store,
        "total": ray.cluster_resources(),  # type: ignore[no-untyped-call] # Ray's
        "free": ray.available_resources(),  # type: ignore[no-untyped-call] # Ray's
    }


def _leave_mark(home: str | None) -> tuple[Path | None, str | None]:
    """A file in the folder of homes, for the other nodes to see."""
    if not home:
        return None, None
    mark = Path(home) / f".probe-{os.urandom(4).hex()}"
    try:
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.write_text("")
    except OSError as error:
        return None, str(error)
    return mark, None


def main() -> int:
    """Prints the line."""
    with joined("probe"):
        print(MARK + json.dumps(look()), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
