"""Chooses how many members of a cohort train in one program: all, or chunks of the width that is fastest here."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from search_spaces.race.cohort_size import MANY
from search_spaces.space.hyperparameters import hyperparameters
from workloads.training.denormals import without_denormals
from workloads.training.fused.loop import FusedLoop
from workloads.training.fused.mlp_by_hand import is_sequence
from workloads.training.plain_loop import PlainLoop
from workloads.training.setup import Loop, Setup, Trainee

TIMED_STEPS = 3
"""Training steps that are timed for each width."""
WORTH = 20
"""Widths are timed only for a leg of at least this many times the timed steps."""
CLEARLY_SLOWER = 1.25
"""Wider programs are not tried once one is slower than the fastest by this factor."""
SMALL = 50_000
"""Parameters of a user's network without convolutions that is expected to be faster in a wide program."""
AS_FAST = 1.05
"""Widths above 1 whose times differ by less than this factor count as equal: the widest is taken."""

_fastest: dict[tuple[Any, ...], int] = {}
"""Fastest width by ``_key``, timed once in this process; ``MANY`` where the whole cohort was fastest."""


def cohort_loops(
    setup: Setup, members: Sequence[Trainee], num_epochs: int
) -> tuple[list[tuple[Loop, int]], list[str]]:
    """Return each member's loop and its place there, in the order of ``members``, and messages for people.

    Members with equal seeds are put into one chunk where possible, as they then share their mini-batches.
    """
    places: dict[int, tuple[Loop, int]] = {}
    messages: list[str] = []
    for group in _programs(setup, members):
        width, told = _width(setup, [members[i] for i in group], num_epochs)
        width = min(width, setup.width or width)
        messages += told
        for chunk in _chunks(sorted(group, key=lambda i: members[i].seed), width):
            loop = make_loop(setup, [members[i] for i in chunk])
            places.update({i: (loop, k) for k, i in enumerate(chunk)})
    return [places[i] for i in range(len(members))], messages


def _programs(setup: Setup, members: Sequence[Trainee]) -> Sequence[Sequence[int]]:
    divide = setup.workload.programs
    return [range(len(members))] if divide is None else divide(setup, members)


def make_loop(setup: Setup, members: Sequence[Trainee]) -> Loop:
    """Return the workload's own loop if it has one, else a fused loop, or for one member usually the plain one.

    One member alone takes the fused loop where that is faster: where steps are recorded (on a GPU) or gradients
    written out. A step then takes half the time of torch.optim's, whose first step also imports the compiler.
    """
    if setup.workload.loop is not None:
        assert len(members) == 1, "a workload with a loop of its own is not fusable"
        return setup.workload.loop(setup, members[0])
    if not setup.group.alone or (len(members) == 1 and not _fused_alone(setup, members[0])):
        assert len(members) == 1, "a process group trains one member at a time"
        return PlainLoop(setup, members[0])
    return FusedLoop(setup, members)


def _fused_alone(setup: Setup, member: Trainee) -> bool:
    if not setup.workload.fuses(member.hp):
        return False
    return setup.recorded or is_sequence(setup.build(member))


def _chunks(items: Sequence[int], width: int) -> list[list[int]]:
    """Return as few chunks of at most ``width`` as possible, of nearly equal size, each in ascending order."""
    num_chunks = -(-len(items) // width)
    return [
        sorted(items[len(items) * c // num_chunks : len(items) * (c + 1) // num_chunks]) for c in range(num_chunks)
    ]


def _width(setup: Setup, members: Sequence[Trainee], num_epochs: int) -> tuple[int, list[str]]:
    if len(members) == 1 or not setup.group.alone or not setup.workload.fuses(members[0].hp):
        return 1, []
    key = _key(setup, members)
    if key in _fastest:
        return min(_fastest[key], len(members)), []
    candidates = widths_to_try(min(len(members), setup.width or len(members)))
    num_steps = num_epochs * setup.data.num_steps(members[0].hp.batch_size)
    if num_steps < WORTH * TIMED_STEPS:
        return (len(members) if _expect_wide(setup, members[0]) else 1), []
    seconds: dict[int, float] = {}
    for width in candidates:
        seconds[width] = step_seconds(setup, members[:width]) / width
        if seconds[width] > CLEARLY_SLOWER * min(seconds.values()):
            break
    best = _best(seconds)
    _fastest[key] = MANY if best == candidates[-1] else best
    shown = ", ".join(f"{width}: {1e3 * each:.2g} ms" for width, each in seconds.items())
    told = f"{len(members)} trials are trained {best} at a time"
    return best, [f"{told} (a step of one trial, by how many train together: {shown})"]


def _best(seconds: Mapping[int, float]) -> int:
    """Return the fastest width, given the seconds a step and member by width."""
    fastest = min(seconds, key=lambda width: seconds[width])
    alike = [width for width in seconds if seconds[width] <= AS_FAST * seconds[fastest]]
    return fastest if fastest == 1 else max(alike)


def _expect_wide(setup: Setup, member: Trainee) -> bool:
    if setup.data.device.type == "cuda":
        return True
    model = setup.build(member)
    return is_sequence(model) or (setup.workload.programs is not None and _small(model))


def _small(model: nn.Module) -> bool:
    """Return whether steps of the model take longer than their arithmetic: few parameters, and no convolution."""
    return all(p.dim() <= 2 for p in model.parameters()) and sum(p.numel() for p in model.parameters()) <= SMALL


def _key(setup: Setup, members: Sequence[Trainee]) -> tuple[Any, ...]:
    """Return what the fastest width depends on: signature, shapes, device, cohort size, and shared mini-batches.

    Sizes from one power of two to the next count as equal; else nearly every leg would be timed.
    """
    hp, data = members[0].hp, setup.data
    known = hyperparameters(type(hp))
    shapes = tuple((name, getattr(hp, name)) for name, field in known.items() if field.shapes)
    shared, size = setup.in_one_order(members), (len(members) - 1).bit_length()
    return setup.workload.name, shapes, data.shape, data.dtype, str(data.device), size, shared


def widths_to_try(num_members: int) -> list[int]:
    """Return the widths to time, ascending: 1, about 4, 16 ..., and the whole cohort.

    They are rounded to the sizes of nearly equal chunks.
    """
    num_chunks = [-(-num_members // width) for width in (1, 4, 16, 64, 256, num_members)]
    return sorted({-(-num_members // count) for count in num_chunks})


@without_denormals()
def step_seconds(setup: Setup, members: Sequence[Trainee]) -> float:
    """Return the seconds of one training step of a cohort: the fastest of ``TIMED_STEPS``, after one to warm up."""
    loop, data = make_loop(setup, members), setup.data
    assert isinstance(loop, PlainLoop | FusedLoop)
    order = setup.order(members, 0)
    x, y = next(data.batches(order, members[0].hp.batch_size))
    loop.model.train()
    seconds = []
    for _ in range(1 + TIMED_STEPS):
        started = time.perf_counter()
        loop.train_step(x, y)
        if data.device.type == "cuda":
            torch.cuda.synchronize(data.device)
        seconds.append(time.perf_counter() - started)
    return min(seconds[1:])
