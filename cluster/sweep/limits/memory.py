"""The memory that a sweep's trainings need, beside what a lane has: told before the start."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice, product
from typing import TYPE_CHECKING, Any

from cluster.sweep.lane_count import lane_bytes
from search_spaces.space.domain_contract import Domain
from search_spaces.space.hyperparameters import Open, complete, hyperparameters
from search_spaces.types.values import Params, Value
from workloads.arrays import DataError, DataShape, Infeasible
from workloads.contract import Workload
from workloads.memory_need import MIB, MemoryNeed, Room, fault, told, warning
from workloads.registry import described

if TYPE_CHECKING:
    from search_spaces.spec.sweep import Sweep

MOST = 24
"""Largest number of configurations that are looked at."""
SHRINKING = ("skipped_layers",)
"""Hyperparameters of which the smallest value needs the most memory."""
WAYS = "mode: lora, optimizer: sgd, a smaller model, a smaller max_concurrent, or resources: {strategy: fsdp}"


@dataclass(frozen=True)
class Trainings:
    """Configurations that need the most memory, by what the spec fixes and searches, and the room for them."""

    configurations: Sequence[Params]
    room: Room
    gpu: bool

    def to_json(self) -> dict[str, Any]:
        """Return what ``of_json`` reads."""
        return asdict(self)

    @classmethod
    def of_json(cls, plain: Mapping[str, Any]) -> Trainings:
        """Return what ``to_json`` wrote."""
        return cls(plain["configurations"], Room(**plain["room"]), plain["gpu"])


def trainings(sweep: Sweep, num_lanes: int, together: int, here: bool = True) -> Trainings | None:
    """Return the trainings of a sweep; None for a workload that does not tell its memory.

    ``together`` is the largest number of trials in a lane. ``here``: not on a cluster, whose memory is not known.
    """
    if described(sweep.workload).memory is None:
        return None
    num_workers = sweep.resources.least
    gpu = sweep.resources.gpus > 0
    found = (_gpu_bytes(sweep.resources.gpus) if gpu else lane_bytes(num_lanes) / num_workers) if here else None
    room = Room(
        worker_bytes=found,
        num_workers=num_workers,
        sharded=sweep.resources.strategy == "fsdp",
        together=together,
    )
    return Trainings([*islice(_configurations(sweep), MOST)], room, gpu)


def _configurations(sweep: Sweep) -> Iterator[Params]:
    kind = described(sweep.workload).hyperparameters
    known = {} if kind is Open else hyperparameters(kind)
    searched = {name: one for name, one in sweep.space.domains.items() if name in known and known[name].shapes}
    values = {name: _largest(name, domain) for name, domain in searched.items()}
    for combination in product(*values.values()):
        yield {**sweep.constants, **dict(zip(values, combination, strict=True))}


def _largest(name: str, domain: Domain) -> Sequence[Value]:
    """Return the value that needs the most memory, or all where they are no numbers."""
    if domain.bounds is None:
        points = list(domain.grid())
        if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in points):
            return points
        return [min(points) if name in SHRINKING else max(points)]  # type: ignore[type-var]
    return [domain.at(0.0 if name in SHRINKING else 1.0)]


def foreseen(kind: Workload, wanted: Trainings, shape: DataShape, fetch: bool = True) -> list[str]:
    """Return what to tell of the memory of the trainings, a line each; without ``fetch`` of models that are here.

    Raises DataError where one cannot be held by a lane, or its model cannot be used; each fault has a line.
    """
    assert kind.memory is not None
    lines: dict[str, None] = {}
    faults: dict[str, None] = {}
    for params in wanted.configurations:
        hp = kind.hyperparameters(**complete(kind.hyperparameters, params))
        if not fetch and (elsewhere := kind.to_fetch(hp)):
            lines[elsewhere] = None
            continue
        try:
            needs = kind.memory(hp, shape, wanted.gpu)
        except Infeasible as error:
            faults[str(error)] = None
            continue
        room = replace(wanted.room, together=1) if kind.fuses(hp) else wanted.room
        if why := fault(needs[0], room):
            faults[f"parameters: {why}{_less(needs, room)}: ways out are {WAYS}"] = None
        lines |= dict.fromkeys(filter(None, [told(needs, room), warning(needs[0], room)]))
    if faults:
        raise DataError("\n".join(faults))
    return list(lines)


def _less(needs: Sequence[MemoryNeed], room: Room) -> str:
    fitting = [need for need in needs[1:] if fault(need, room) is None]
    return f" ({told(fitting, room)})" if fitting else ""


def _gpu_bytes(gpus: float) -> float | None:
    """Return the memory that a worker has of the smallest GPU that may be used; None where that is not known."""
    order = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    if used := os.environ.get("CUDA_VISIBLE_DEVICES"):
        order.append(f"--id={used}")
    try:
        done = subprocess.run(order, capture_output=True, text=True, timeout=10, check=True)
        sizes = [float(line) for line in done.stdout.split()]
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return min(sizes) * MIB * min(gpus, 1.0) if sizes else None
