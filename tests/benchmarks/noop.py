"""A workload that trains next to nothing: a linear layer that sees all of its few examples in one step an epoch."""

from __future__ import annotations

import math
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from search_spaces.space.hyperparameters import hyper
from workloads.arrays import DataShape
from workloads.contract import Workload
from workloads.hyperparameters import Training

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, kw_only=True)
class NoopHyperparameters(Training):
    """Hyperparameters with a batch that is larger than the data: one step in each epoch."""

    batch_size: int = hyper(100_000, "examples a step", low=1, shapes=True)


def build(hp: NoopHyperparameters, shape: DataShape) -> nn.Module:
    """Return a linear layer, (batch, *example) to (batch, num_outputs) logits."""
    from torch import nn

    return nn.Sequential(nn.Flatten(), nn.Linear(math.prod(shape.example), shape.num_outputs))


NOOP = Workload(
    name="noop",
    summary="trains next to nothing",
    hyperparameters=NoopHyperparameters,
    space={"lr": {"min": 1e-4, "max": 1e-1, "log": True}},
    problems={"table": ("classification",), "image": ("classification",)},
    build=build,
)


@dataclass(frozen=True, kw_only=True)
class StampingHyperparameters(NoopHyperparameters):
    """Hyperparameters with a file, to which the first step writes its time."""

    file: str = hyper("stamp", "file for the time of the first step", shapes=True)


def build_stamping(hp: StampingHyperparameters, shape: DataShape) -> nn.Module:
    """Return the same model, which writes the time of its first step to ``hp.file``."""
    model = build(hp, shape)
    model.register_forward_pre_hook(lambda *_: _leave(Path(hp.file)))
    return model


def _leave(file: Path) -> None:
    with suppress(FileExistsError), file.open("x") as stamp:
        stamp.write(str(time.time()))


def stamp(file: str) -> float:
    """Return the time of the first step, in seconds since 1970."""
    return float(Path(file).read_text())


STAMPING = replace(
    NOOP, name="stamping", hyperparameters=StampingHyperparameters, build=build_stamping, fusable=False
)
