"""The memory that a sweep's trainings need, beside what a lane has: told before the start."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
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
    from workloads.data.search_data import SearchData

MOST = 24
"""Largest number of configurations that are looked at."""
NUM_SMALLER = 8
"""Smaller values of a number that are looked at where the largest does not fit."""
SHRINKING = ("skipped_layers",)
"""Hyperparameters of which the smallest value needs the most memory."""
LEAST_TOLD = 100 * MIB
"""Rows that take less memory than this are not worth a line."""


@dataclass(frozen=True)
class Trainings:
    """Configurations that need the most memory, by what the spec fixes and searches, and the room for them."""

    configurations: Sequence[Params]
    room: Room
    gpu: bool
    choices: Sequence[str] = ()
    """Hyperparameters that are searched, all of whose values are among the configurations."""
    smaller: Mapping[str, Sequence[Value]] = field(default_factory=dict)
    """Further values, the next to the configurations' first, of each number that is searched."""

    def to_json(self) -> dict[str, Any]:
        """Return what ``of_json`` reads."""
        return asdict(self)

    @classmethod
    def of_json(cls, plain: Mapping[str, Any]) -> Trainings:
        """Return what ``to_json`` wrote."""
        return cls(**{**plain, "room": Room(**plain["room"])})


def trainings(sweep: Sweep, num_lanes: int, together: int, here: bool = True) -> Trainings | None:
    """Return the trainings of a sweep; None for a workload that does not tell its memory.

    ``together`` is the largest number of trials in a lane. ``here``: not on a cluster, whose memory is not known.
    """
    kind = described(sweep.workload)
    if kind.memory is None and kind.memory_of_data is None:
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
    values = _values(sweep)
    firsts = {name: found if _are_choices(found) else found[:1] for name, found in values.items()}
    combinations = (dict(zip(firsts, one, strict=True)) for one in product(*firsts.values()))
    return Trainings(
        [{**sweep.constants, **one} for one in islice(combinations, MOST)],
        room,
        gpu,
        [name for name, found in values.items() if _are_choices(found)],
        {name: found[1:] for name, found in values.items() if not _are_choices(found)},
    )


def _values(sweep: Sweep) -> dict[str, Sequence[Value]]:
    """Return values of each searched hyperparameter that shapes the program, of numbers the most memory first."""
    kind = described(sweep.workload).hyperparameters
    known = {} if kind is Open else hyperparameters(kind)
    searched = {name: one for name, one in sweep.space.domains.items() if name in known and known[name].shapes}
    return {name: _ordered(name, domain) for name, domain in searched.items()}


def _ordered(name: str, domain: Domain) -> Sequence[Value]:
    if domain.bounds is not None:
        points = [domain.at(k / NUM_SMALLER) for k in range(NUM_SMALLER + 1)]
    elif _are_choices(points := list(domain.grid())):
        return points
    ordered = sorted(dict.fromkeys(points), reverse=name not in SHRINKING)  # type: ignore[type-var]
    return ordered[: NUM_SMALLER + 1]


def _are_choices(values: Sequence[Value]) -> bool:
    return not all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def foreseen(kind: Workload, wanted: Trainings, data: DataShape | SearchData, fetch: bool = True) -> list[str]:
    """Return what to tell of the memory of the trainings, a line each; without ``fetch`` of models that are here.

    ``data`` is a shape alone before the data is read. Raises DataError where a training cannot be held by a lane,
    or its model cannot be used; each fault has a line, with the values that do not fit and those that do.
    """
    lines: dict[str, None] = {}
    faults: dict[str, None] = {}
    found: list[Standing] = []
    stands = partial(standing, kind, wanted, data)
    for params in wanted.configurations:
        hp = kind.hyperparameters(**complete(kind.hyperparameters, params))
        if not fetch and (elsewhere := kind.to_fetch(hp)):
            lines[elsewhere] = None
            continue
        try:
            found.append(stands(params))
        except Infeasible as error:
            faults[str(error)] = None
    fitting = [one.params for one in found if one.fault is None]
    for one in found:
        lines |= dict.fromkeys(one.told)
        if one.fault:
            faults[f"parameters: {one.fault}: {way_out(one, wanted, fitting, stands)}"] = None
    if faults:
        raise DataError("\n".join(faults))
    return list(lines)


@dataclass(frozen=True)
class Standing:
    """What the training of a configuration needs, in the room that it has; without needs where nothing is known."""

    params: Params
    needs: Sequence[MemoryNeed]
    room: Room

    @property
    def told(self) -> list[str]:
        """What it needs and what it may lack, a line each."""
        if not self.needs:
            return []
        first = self.needs[0]
        warned = warning(first, self.room)
        small = first.rows and first.state + first.activations < LEAST_TOLD and not warned
        return [] if small else [*filter(None, [told(self.needs, self.room), warned])]

    @property
    def fault(self) -> str | None:
        """Why no lane can hold it, with what would need less; None where one can."""
        why = fault(self.needs[0], self.room) if self.needs else None
        less = [need for need in self.needs[1:] if fault(need, self.room) is None]
        return f"{why} ({told(less, self.room)})" if why and less else why


def standing(kind: Workload, wanted: Trainings, data: DataShape | SearchData, params: Params) -> Standing:
    """Return what a configuration needs and has. Raises Infeasible where its model cannot be used."""
    hp = kind.hyperparameters(**complete(kind.hyperparameters, params))
    room = replace(wanted.room, together=1) if kind.fuses(hp) else wanted.room
    if kind.memory is not None:
        shape = data if isinstance(data, DataShape) else data.shape()
        return Standing(params, kind.memory(hp, shape, wanted.gpu), room)
    assert kind.memory_of_data is not None
    return Standing(params, () if isinstance(data, DataShape) else kind.memory_of_data(hp, data), room)


def way_out(
    one: Standing, wanted: Trainings, fitting: Sequence[Params], stands: Callable[[Params], Standing]
) -> str:
    """Return how the space is to be written so that a configuration, which no lane can hold, is not in it.

    ``fitting`` are the configurations that can be held, ``stands`` tells it of another one.
    """
    params = one.params
    ways = [
        f"leave {params[name]} out of parameters.{name}, as {_either(fitting, name)} fits"
        for name in wanted.choices
        if fitting and params[name] not in [other[name] for other in fitting]
    ]
    for name, values in wanted.smaller.items():
        fits = (value for value in values if stands({**params, name: value}).fault is None)
        if (value := next(fits, None)) is not None:
            ways.append(f"give parameters.{name} {'min' if name in SHRINKING else 'max'} {value}, which fits")
    if not ways and fitting:
        which = " and ".join(f"{name}: {params[name]}" for name in wanted.choices)
        ways.append(f"{which} do not fit together: search them in sweeps of their own")
    return "; or ".join([*ways, f"ways out are {one.needs[0].ways}"])


def _either(fitting: Sequence[Params], name: str) -> str:
    return " or ".join(dict.fromkeys(str(one[name]) for one in fitting))


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
