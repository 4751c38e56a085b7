"""A convolutional network: ``depth`` blocks of convolution, optional batch norm, activation and pooling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from search_spaces.hyperparameters import hyper
from workloads.registry import DataShape, Workload
from workloads.training import ACTIVATION_NAMES, Training

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, kw_only=True)
class CNNHyperparameters(Training):
    """The numbers of a convolutional network and its training."""

    dropout: float = hyper(0.0, "share of pooled features dropped in training", low=0, high=1, high_open=True)
    activation: str = hyper("relu", "nonlinearity", choices=ACTIVATION_NAMES, shapes=True)
    depth: int = hyper(2, "convolution blocks", low=1, high=32, shapes=True)
    width: int = hyper(16, "channels of the first block, doubled after each pooling", low=1, high=4096, shapes=True)
    kernel_size: int = hyper(3, "side of a convolution's window", low=1, high=31, shapes=True)
    batch_norm: bool = hyper(True, "normalise each channel over the batch", shapes=True)


def build(hp: CNNHyperparameters, shape: DataShape) -> nn.Module:
    """(batch, channels, height, width) -> (batch, num_outputs) logits.

    A block pools by 2 only while both sides are 4 or more, so no depth eats the image. The last maps are averaged
    to at most 2 x 2, so the classifier's size does not grow with the image.
    """
    from torch import nn

    from workloads.layers import ACTIVATIONS, Dropout

    num_inputs, height, width = shape.example
    num_outputs = hp.width
    layers: list[nn.Module] = []
    for _ in range(hp.depth):
        before, after = (hp.kernel_size - 1) // 2, hp.kernel_size // 2
        layers += [nn.ZeroPad2d((before, after, before, after))] if before != after else []
        padding = before if before == after else 0
        layers.append(nn.Conv2d(num_inputs, num_outputs, hp.kernel_size, padding=padding, bias=not hp.batch_norm))
        layers += [nn.BatchNorm2d(num_outputs)] if hp.batch_norm else []
        layers.append(ACTIVATIONS[hp.activation]())
        num_inputs = num_outputs
        if min(height, width) >= 4:
            layers.append(nn.MaxPool2d(2))
            height, width, num_outputs = height // 2, width // 2, num_outputs * 2
    grid = (min(2, height), min(2, width))
    num_features = num_inputs * grid[0] * grid[1]
    head = (
        nn.AdaptiveAvgPool2d(grid),
        nn.Flatten(),
        Dropout(hp.dropout),
        nn.Linear(num_features, shape.num_outputs),
    )
    return nn.Sequential(*layers, *head)


CNN = Workload(
    name="cnn",
    summary="convolutional network for images",
    hyperparameters=CNNHyperparameters,
    space={
        "lr": {"min": 1e-4, "max": 1e-1, "log": True},
        "batch_size": {"values": [32, 64, 128]},
        "weight_decay": {"min": 1e-6, "max": 1e-2, "log": True},
        "dropout": {"min": 0.0, "max": 0.5},
    },
    problems={"image": ("classification",)},
    build=build,
    half=True,
)
