"""Computes how many lanes fit on this machine or a cluster. Imports no Ray, so that a preview can use it."""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from search_spaces.spec.files.memory import memory_bytes

if TYPE_CHECKING:
    from search_spaces.spec.keys.resources import Resources
    from search_spaces.spec.sweep import Sweep


Amounts = Mapping[str, float]
"""Resources of a node by Ray's names: CPU, GPU, ..."""
ROUNDING = 1e-9
"""Added to quotients before they are cut: three thirds are one."""


@dataclass(frozen=True)
class LaneSize:
    """Number of lanes, CPUs and GPUs of one worker, and the least and most workers of a lane."""

    count: int
    cpus: float
    gpus: float
    least: int = 1
    most: int = 1
    reading_cpus: float = 0.0
    """Further CPUs of each lane, for tasks that read its data."""
    custom: Amounts = field(default_factory=dict)
    """Further resources of one worker, by Ray's names."""

    @property
    def all_cpus(self) -> float:
        """CPUs of all lanes together, each at its smallest."""
        return self.count * (self.cpus * self.least + self.reading_cpus)

    @property
    def ray_cpus(self) -> int:
        """CPUs of a Ray of our own: this machine's cores, or more where the lanes ask for more."""
        return max(num_cpus(), math.ceil(self.all_cpus))


@dataclass(frozen=True, kw_only=True)
class LaneNeed:
    """Least resources of one lane: ``workers`` processes with ``cpus`` CPUs and ``gpus`` GPUs each.

    ``custom`` are further resources of each, by Ray's names.
    """

    cpus: float = 1.0
    gpus: float = 0.0
    workers: int = 1
    custom: Amounts = field(default_factory=dict)

    @classmethod
    def of(cls, wanted: Resources) -> LaneNeed:
        """Return what a lane of a sweep with these resources needs, at its smallest."""
        return cls(cpus=wanted.cpus, gpus=wanted.gpus, workers=wanted.least, custom=wanted.custom)

    def places(self, node: Amounts) -> int:
        """Return how many of the processes fit on an otherwise empty node."""
        found = [int(node.get("CPU", 0.0) / self.cpus + ROUNDING)]
        if self.gpus:
            found.append(gpu_places(node.get("GPU", 0.0), self.gpus))
        return min(found + [int(node.get(name, 0.0) / amount + ROUNDING) for name, amount in self.custom.items()])

    def __str__(self) -> str:
        one = told([{"CPU": self.cpus, "GPU": self.gpus, **self.custom}], self.custom)
        return one if self.workers == 1 else f"{self.workers} processes of {one}"


class TooSmall(Exception):
    """Error: not even one lane of the requested size fits on this machine or cluster."""


def lane_size(sweep: Sweep) -> LaneSize:
    """Return as many lanes as fit on this machine's cores or GPUs, at most ``max_concurrent`` and the trials.

    One lane may ask for more cores than there are; TooSmall when it asks for more GPUs. Lanes of variable size are
    counted at their largest. Tasks that read data share the cores with the workers that train on it.
    """
    wanted = sweep.resources
    if wanted.custom:
        asked = ", ".join(f"{amount:g} {name}" for name, amount in wanted.custom.items())
        raise TooSmall(f"resources.custom: a trial asks for {asked}, which a cluster's nodes may have: --on TARGET")
    places = gpu_places(num_gpus(), wanted.gpus) if wanted.gpus else 0
    if wanted.gpus and places < wanted.least:
        raise TooSmall(
            f"resources.gpus: a trial asks for {wanted.gpus * wanted.least:g}, and this machine has {num_gpus()}"
        )
    fits = (places if wanted.gpus else num_cpus() / wanted.cpus) // wanted.most
    count = max(1, min(sweep.max_concurrent or int(fits), sweep.trials))
    return LaneSize(count, wanted.cpus, wanted.gpus, wanted.least, wanted.most, _reading(sweep))


READING_CPUS = 1.0
"""CPUs of a lane's tasks that read its data."""


def _reading(sweep: Sweep) -> float:
    return READING_CPUS if sweep.data.streaming else 0.0


def lane_bytes(num_lanes: int) -> float:
    """Return a lane's share, in bytes, of this machine's memory or of its container's limit."""
    return memory_bytes() / num_lanes


def cluster_size(sweep: Sweep, nodes: Sequence[Amounts], growth: Amounts | None = None) -> LaneSize:
    """Return as many lanes as fit on the cluster's nodes now, at most ``max_concurrent`` and the trials.

    ``growth`` is the total size to which an autoscaler may bring the cluster: up to that, the sweep gets
    ``max_concurrent`` lanes, or one where that is not set. Raises TooSmall when not even one lane can ever fit.
    """
    wanted, reading, need = sweep.resources, _reading(sweep), LaneNeed.of(sweep.resources)
    with_reading = replace(need, cpus=need.cpus + reading / wanted.most)
    now = sum(map(with_reading.places, nodes))
    ever = max(now, with_reading.places(growth)) if growth else now
    if ever < wanted.least:
        besides = f" and {reading:g} CPU to read its data" if reading else ""
        raise TooSmall(
            f"resources: a trial asks for {need}{besides}, and the cluster has {told(nodes, wanted.custom)}"
            f"{' and can grow to ' + told([growth], wanted.custom) if growth else ''}: "
            "it would wait for ever"
        )
    fits = (ever if sweep.max_concurrent else now) // wanted.most
    count = max(1, min(sweep.max_concurrent or fits, fits, sweep.trials))
    return LaneSize(count, wanted.cpus, wanted.gpus, wanted.least, wanted.most, reading, wanted.custom)


def gpu_places(num: float, gpus: float) -> int:
    """Return how many workers with ``gpus`` each fit on ``num`` GPUs; a fraction is one of a single GPU."""
    return int(num) * int(1 / gpus + ROUNDING) if gpus < 1 else int(num / gpus + ROUNDING)


def told(nodes: Sequence[Amounts], custom: Collection[str] = ()) -> str:
    """Describe the resources of nodes, those named ``custom`` besides: ``4 CPU, 1 GPU + 8 CPU, 0 GPU``."""
    names = ("CPU", "GPU", *custom)
    return " + ".join(", ".join(f"{n.get(name, 0):g} {name}" for name in names) for n in nodes) or "no node"


def num_cpus() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0))


def num_gpus() -> int:
    """Return the number of GPUs that this process may use."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return len([name for name in visible.split(",") if name.strip()])
    return len(list(Path("/proc/driver/nvidia/gpus").glob("*")))
