"""How many lanes this machine carries. Needs no Ray, so that a preview can say it too."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from search_spaces.sweep import Sweep


@dataclass(frozen=True)
class LaneSize:
    """How many lanes, the CPUs and GPUs of one worker, and how many workers a lane has."""

    count: int
    cpus: float
    gpus: float
    least: int = 1
    most: int = 1

    @property
    def all_cpus(self) -> float:
        """Of all lanes together, at the least."""
        return self.count * self.cpus * self.least


class TooSmall(Exception):
    """Not even one lane of the size asked for fits on this machine."""


def lane_size(sweep: Sweep) -> LaneSize:
    """As many lanes as this machine's cores or GPUs carry, no more than asked for or than there are trials.

    One lane may ask for more cores than there are; TooSmall when it asks for more GPUs. Lanes of variable size are
    counted at their largest.
    """
    wanted = sweep.resources
    gpus = wanted.gpus * wanted.least
    if gpus > num_gpus():
        raise TooSmall(f"resources.gpus: a lane asks for {gpus:g}, and this machine has {num_gpus()}")
    fits = (num_gpus() / wanted.gpus if wanted.gpus else num_cpus() / wanted.cpus) // wanted.most
    count = max(1, min(sweep.max_concurrent or int(fits), sweep.trials))
    return LaneSize(count, wanted.cpus, wanted.gpus, wanted.least, wanted.most)


def num_cpus() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def num_gpus() -> int:
    """GPUs that this process may use."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return len([name for name in visible.split(",") if name.strip()])
    return len(list(Path("/proc/driver/nvidia/gpus").glob("*")))
