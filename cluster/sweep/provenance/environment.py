"""What a driver runs with: versions, CPU, memory, GPUs, the cluster's size and the code's git commit."""

from __future__ import annotations

import os
import platform
import subprocess
import threading
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from search_spaces.study.study import Study

ENVIRONMENTS: Final = "environments"
"""Attribute of the study: each environment that a driver of the sweep had, in order; a change is one more."""
PACKAGES: Final = ("paceline", "ray", "torch", "optuna", "mlflow", "numpy", "scikit-learn", "pandas")
GPUS: Final = Path("/proc/driver/nvidia/gpus")
CPUS: Final = Path("/proc/cpuinfo")
GIT_S: Final = 5.0
"""Seconds after which git's answer is not waited for: a work tree on a slow share may take longer."""
GIB: Final = 2**30


class Environment:
    """The environment of this process, found out in the background while the driver starts.

    ``folder`` is that of the spec; None: no git commit is looked for. ``nodes`` are the resources of each machine
    of the cluster that was joined; empty on one machine.
    """

    def __init__(self, folder: str | None, num_lanes: int, nodes: Sequence[Mapping[str, float]] = ()) -> None:
        self._found: dict[str, Any] = {"lanes": num_lanes}
        self._look = threading.Thread(target=self._find, args=(folder, nodes), daemon=True)
        self._look.start()

    def _find(self, folder: str | None, nodes: Sequence[Mapping[str, float]]) -> None:
        found: dict[str, Any] = {"python": platform.python_version(), "packages": versions(), "machine": machine()}
        if nodes:
            found["cluster"] = cluster(nodes)
        self._found |= found
        self._found["git"] = None if folder is None else commit(Path(folder))

    def keep(self, study: Study) -> None:
        """Store the environment in the study, if it is another one than the latest there."""
        self._look.join(2 * GIT_S)
        known = study.facts().get(ENVIRONMENTS, [])
        if not known or known[-1] != self._found:
            study.set(ENVIRONMENTS, [*known, dict(self._found)])


def versions() -> dict[str, str]:
    """Return the versions of the packages that matter for results; those that are not installed are left out."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, Any]:
    """Return system, name and number of CPUs, memory in GiB and the names of the GPUs of this machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "system": f"{platform.system()} {platform.release()}",
        "cpu": _field(CPUS, "model name") or platform.processor() or platform.machine(),
        "cpus": cores,
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB, 1),
        "gpus": sorted(filter(None, (_field(file, "Model") for file in GPUS.glob("*/information")))),
    }


def _field(file: Path, name: str) -> str:
    """Return the value of the first line ``name: value`` of one of the kernel's files; empty without one."""
    try:
        lines = file.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    found = (line.partition(":")[2].strip() for line in lines if line.split(":")[0].strip() == name)
    return next(found, "")


def cluster(nodes: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Return the number of machines of a cluster, its CPUs and GPUs, and the kinds of GPUs by Ray's names."""
    kind = "accelerator_type:"
    return {
        "machines": len(nodes),
        "cpus": sum(node.get("CPU", 0.0) for node in nodes),
        "gpus": sum(node.get("GPU", 0.0) for node in nodes),
        "kinds": sorted({name.removeprefix(kind) for node in nodes for name in node if name.startswith(kind)}),
    }


def commit(folder: Path) -> dict[str, Any] | None:
    """Return the commit of the folder's repository, and whether tracked files of it were changed since.

    None where the folder is in no repository, git is not there, or it takes longer than ``GIT_S`` seconds.
    """
    found = _git(folder, "rev-parse", "HEAD")
    if not found:
        return None
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no", "--", ".")
    return {"commit": found, "dirty": None if changed is None else bool(changed)}


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        found = subprocess.run(
            ["git", "-C", str(folder), "--no-optional-locks", *arguments],
            capture_output=True,
            timeout=GIT_S,
            check=True,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.decode(errors="replace").strip()
