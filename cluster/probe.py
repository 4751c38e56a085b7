"""The job of `paceline doctor --on`: `python -m cluster.probe` examines every node and prints one line of JSON."""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from cluster.doctor.reachability import store_fault
from cluster.lanes.joined_cluster import joined, on_every_node
from search_spaces.types.module_path import OURS

MARK: Final = "paceline-probe "
"""Prefix of the line with the JSON; the job's log may hold other lines."""


def seen_here(home: str | None, mark: str | None, store: str | None) -> dict[str, Any]:
    """Return the versions, the origin of Paceline's packages, the GPUs and the reachable stores of this node.

    ``mark`` is a file in folder ``home``: does this node see it? ``store`` is the MLflow URI to try. Both may be
    None, which skips the question.
    """
    found: dict[str, Any] = {"python": platform.python_version(), "ray": metadata.version("ray")}
    found["packages"] = {name: _origin(name) for name in OURS}
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
    """Return ``seen_here`` of every node of the joined cluster, and the cluster's total and free resources."""
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
    """Print the line; return exit code 0."""
    with joined("probe"):
        print(MARK + json.dumps(look()), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
