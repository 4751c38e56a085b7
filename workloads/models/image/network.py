"""A small residual network with pre-activation (He et al. 2016, arXiv:1603.05027) on standardised images."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from workloads.arrays import DataShape
from workloads.layers.layers import Dropout
from workloads.layers.precision import autocast

STAGES = 3
LARGEST_MAPS = 64
"""The stem halves images until their shorter side has at most this many pixels."""
SMALLEST_HALVED = 8
"""Stages halve maps only if their shorter side has at least this many pixels."""
GROUP = 8

Make = Callable[[], nn.Module]


@dataclass(frozen=True)
class Look:
    """Sizes and layers of a residual network."""

    depth: int
    """Number of blocks in each stage."""
    width: int
    """Number of channels in the first stage."""
    activation: Make
    norm: Callable[[int], nn.Module]
    """Makes the normalisation layer for a number of channels."""
    dropout: float


def group_norm(num_channels: int) -> nn.Module:
    """Return group normalisation with groups of 8 channels, or of the largest common divisor with 8."""
    return nn.GroupNorm(num_channels // math.gcd(num_channels, GROUP), num_channels)


NORMS: dict[str, Callable[[int], nn.Module]] = {"batch": nn.BatchNorm2d, "group": group_norm}


class Block(nn.Module):
    """Residual block: two 3 x 3 convolutions, each after normalisation and activation, added to the input."""

    def __init__(self, look: Look, num_inputs: int, num_outputs: int, stride: int) -> None:
        super().__init__()
        self.before = nn.Sequential(look.norm(num_inputs), look.activation())
        self.branch = nn.Sequential(
            nn.Conv2d(num_inputs, num_outputs, 3, stride, padding=1, bias=False),
            look.norm(num_outputs),
            look.activation(),
            nn.Conv2d(num_outputs, num_outputs, 3, padding=1, bias=False),
        )
        same = num_inputs == num_outputs and stride == 1
        self.shortcut = None if same else nn.Conv2d(num_inputs, num_outputs, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return (batch, outputs, height / stride, width / stride) for ``x`` (batch, inputs, height, width)."""
        ready = self.before(x)
        shortcut = x if self.shortcut is None else self.shortcut(ready)
        output: Tensor = shortcut + self.branch(ready)
        return output


def resnet(look: Look, shape: DataShape) -> nn.Sequential:
    """Return the network: stem, three stages, mean over the maps, classifier.

    Each further stage has twice the channels, and half the side while maps are large enough.
    """
    num_channels, *sides = shape.example
    side = min(sides)
    layers: list[nn.Module] = []
    while side > LARGEST_MAPS:
        layers += [nn.Conv2d(num_channels, look.width, 3, 2, padding=1, bias=False), look.norm(look.width)]
        layers.append(look.activation())
        num_channels, side = look.width, (side + 1) // 2
    layers.append(nn.Conv2d(num_channels, look.width, 3, padding=1, bias=False))
    layers += _stages(look, side)
    num_features = look.width * 2 ** (STAGES - 1)
    layers += [look.norm(num_features), look.activation(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers, Dropout(look.dropout), nn.Linear(num_features, shape.num_outputs))


def _stages(look: Look, side: int) -> Iterator[nn.Module]:
    num_inputs = look.width
    for stage in range(STAGES):
        num_outputs = look.width * 2**stage
        for k in range(look.depth):
            stride = 2 if stage > 0 and k == 0 and side >= SMALLEST_HALVED else 1
            side = (side + 1) // 2 if stride == 2 else side
            yield Block(look, num_inputs, num_outputs, stride)
            num_inputs = num_outputs


@dataclass(frozen=True)
class Running:
    """Numerical options of a network: precision, memory layout and compilation, by ``ImageHyperparameters``."""

    precision: str
    channels_last: bool
    compiled: bool


class Standardised(nn.Module):
    """Standardises images by the training split's channels, and runs ``network`` with the options ``how``."""

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, shape: DataShape, how: Running) -> None:
        super().__init__()
        self.network, self.how = network, how
        self._to_compile = how.compiled
        num_channels = shape.example[0]
        mean, std = shape.channel_mean or (0.0,) * num_channels, shape.channel_std or (1.0,) * num_channels
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(-1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (batch, classes) for images (batch, channels, height, width) in 0 to 1."""
        x = (x - self.mean) / self.std
        if self.how.channels_last:
            x = x.contiguous(memory_format=torch.channels_last)
        # In place, so that parameters keep their names; in training alone, so that exports are not compiled.
        if self._to_compile and self.training:
            self._to_compile = False
            self.network.compile()
        with autocast(self.how.precision, x.device.type):
            logits: Tensor = self.network(x)
        return logits.to(x.dtype)
