"""A small linear workload that misbehaves on demand: ``workload: tests.helpers.misbehaving_workload:CHAOS``."""

from __future__ import annotations

import math
import os
import signal
import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from search_spaces.space.hyperparameters import hyper
from workloads.arrays import DataShape
from workloads.contract import Workload
from workloads.hyperparameters import Training

POISONS = ("none", "nan", "raise", "kill", "hog")
HOG_GIB = 7


@dataclass(frozen=True, kw_only=True)
class ChaosHyperparameters(Training):
    """``poison`` is not in the signature, so that poisoned members share cohorts with harmless ones."""

    poison: str = hyper("none", "what goes wrong when the member is built", choices=POISONS)
    nap_s: float = hyper(0.0, "sleep in every forward pass", low=0, high=60)


class Nap(nn.Module):
    """Returns its input after ``nap_s`` seconds."""

    def __init__(self, nap_s: float) -> None:
        super().__init__()
        self.nap_s = nap_s

    def forward(self, x: Tensor) -> Tensor:
        time.sleep(self.nap_s)
        return x


def build(hp: ChaosHyperparameters, shape: DataShape) -> nn.Module:
    """Return a linear model, (batch, *example) to (batch, num_outputs) logits, or misbehave as ``poison`` says."""
    if hp.poison == "raise":
        raise ValueError("this configuration is poisoned: caf\udce9.csv \0")  # as the name of a file may be
    if hp.poison == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if hp.poison == "hog":
        hog()
    linear = nn.Linear(math.prod(shape.example), shape.num_outputs)
    if hp.poison == "nan":
        nn.init.constant_(linear.weight, math.inf)
    return nn.Sequential(nn.Flatten(), Nap(hp.nap_s), linear)


def hog() -> None:
    """Allocate memory until the process is killed. Raises MemoryError at HOG_GIB."""
    taken: list[Any] = []
    for _ in range(HOG_GIB * 8):
        taken.append(torch.ones(2**25, dtype=torch.float32))
        time.sleep(0.05)
    time.sleep(20)
    raise MemoryError("nobody stopped the hog")


CHAOS = Workload(
    name="chaos",
    summary="misbehaves on demand",
    hyperparameters=ChaosHyperparameters,
    space={"lr": {"min": 1e-3, "max": 1e-1, "log": True}},
    problems={"table": ("classification",), "image": ("classification",)},
    build=build,
)
