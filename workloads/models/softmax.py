"""Multinomial logistic regression: one linear layer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from search_spaces.space.hyperparameters import hyper
from workloads.arrays import DataShape
from workloads.contract import Workload
from workloads.hyperparameters import Training
from workloads.tables.hyperparameters import TableFeatures

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, kw_only=True)
class SoftmaxHyperparameters(Training, TableFeatures):
    """Hyperparameters of a linear classifier: those of its training, with a higher default learning rate."""

    lr: float = hyper(0.01, "learning rate", low=0, low_open=True)


def build(hp: SoftmaxHyperparameters, shape: DataShape) -> nn.Module:
    """Return a network from (batch, *example) to logits (batch, num_outputs)."""
    from torch import nn

    return nn.Sequential(nn.Flatten(), nn.Linear(math.prod(shape.example), shape.num_outputs))


SOFTMAX = Workload(
    name="softmax",
    summary="linear classifier (multinomial logistic regression)",
    hyperparameters=SoftmaxHyperparameters,
    space={
        "lr": {"min": 1e-4, "max": 1e-1, "log": True},
        "batch_size": {"values": [32, 64, 128]},
        "weight_decay": {"min": 1e-6, "max": 1e-1, "log": True},
        "l1": {"min": 1e-6, "max": 1e-2, "log": True},
    },
    problems={"table": ("classification",), "image": ("classification",)},
    build=build,
    recordable=True,
)
