"""A multilayer perceptron: ``depth`` hidden layers of ``width`` units."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from search_spaces.space.hyperparameters import hyper
from workloads.arrays import DataShape
from workloads.contract import Workload
from workloads.hyperparameters import Nonlinearity, Training
from workloads.tables.hyperparameters import TableFeatures

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, kw_only=True)
class MLPHyperparameters(Training, Nonlinearity, TableFeatures):
    """Hyperparameters of a multilayer perceptron and its training."""

    dropout: float = hyper(0.0, "dropout rate of the hidden layers", low=0, high=1, high_open=True)
    depth: int = hyper(2, "number of hidden layers", low=0, high=64, shapes=True)
    width: int = hyper(64, "units in each hidden layer", low=1, high=65536, shapes=True)
    encoding: str = hyper(
        "one_hot",
        "encoding of categories: one-hot, one integer each, or a learned embedding",
        choices=("one_hot", "ordinal", "embedding"),
        shapes=True,
        prepares=True,
        kinds=("table",),
    )
    embedding_size: int = hyper(
        8, "dimension of a category's embedding", low=1, high=1024, shapes=True, kinds=("table",)
    )


def build(hp: MLPHyperparameters, shape: DataShape) -> nn.Module:
    """Return a network from (batch, *example) to (batch, num_outputs): logits, or standardised numbers."""
    from torch import nn

    from workloads.layers.activations import activation  # 1,200 ms: torch
    from workloads.layers.embedding import Embeddings  # 1,200 ms: torch
    from workloads.layers.layers import Dropout  # 1,200 ms: torch

    num_inputs = math.prod(shape.example)
    layers: list[nn.Module] = [nn.Flatten()]
    if shape.categories:
        layers = [Embeddings(shape.categories, hp.embedding_size)]
        num_inputs += len(shape.categories) * (hp.embedding_size - 1)
    for _ in range(hp.depth):
        layers += [nn.Linear(num_inputs, hp.width), activation(hp), Dropout(hp.dropout)]
        num_inputs = hp.width
    return nn.Sequential(*layers, nn.Linear(num_inputs, shape.num_outputs))


MLP = Workload(
    name="mlp",
    summary="multilayer perceptron for tables and small images",
    hyperparameters=MLPHyperparameters,
    space={
        "lr": {"min": 1e-4, "max": 1e-1, "log": True},
        "batch_size": {"values": [32, 64, 128]},
        "weight_decay": {"min": 1e-6, "max": 1e-2, "log": True},
        "dropout": {"min": 0.0, "max": 0.5},
    },
    problems={"table": ("classification", "regression"), "image": ("classification",)},
    build=build,
    recordable=True,
)
