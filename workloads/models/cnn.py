"""A convolutional network: blocks of convolutions, each with optional batch norm and activation, then pooling."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from search_spaces.space.hyperparameters import hyper
from workloads.arrays import DataShape, Infeasible
from workloads.contract import Workload
from workloads.hyperparameters import SCHEDULE_NAMES, Nonlinearity, Training

if TYPE_CHECKING:
    from torch import device, dtype, nn

    from workloads.data.search_data import SearchData
    from workloads.training.batches import ResidentData

SMALLEST_POOLED = 4
"""Maps are pooled only while both of their sides have at least this many pixels."""
GRID = 2
"""The last maps are averaged to at most this many places a side: larger images need no larger classifier."""


@dataclass(frozen=True, kw_only=True)
class CNNHyperparameters(Training, Nonlinearity):
    """Hyperparameters of a convolutional network and its training."""

    lr: float = hyper(0.01, "learning rate; with a schedule or warm-up, its peak", low=0, low_open=True)
    lr_schedule: str = hyper("one_cycle", "learning-rate schedule", choices=SCHEDULE_NAMES)
    label_smoothing: float = hyper(
        0.1, "label smoothing: share of the target spread evenly over all classes", low=0, high=1, high_open=True
    )
    dropout: float = hyper(0.3, "dropout rate before the classifier", low=0, high=1, high_open=True)
    blocks: int = hyper(
        3, "number of blocks, each of convolutions and a pooling layer", low=1, high=32, shapes=True
    )
    depth: int = hyper(1, "convolutions in each block", low=1, high=16, shapes=True)
    channels: int = hyper(
        16,
        "channels of the first block; doubled after each block that reduces the resolution",
        low=1,
        high=4096,
        shapes=True,
    )
    kernel_size: int = hyper(3, "side of the convolution kernel in pixels", low=1, high=31, shapes=True)
    stride: int = hyper(1, "stride of each block's first convolution", low=1, high=8, shapes=True)
    padding: str = hyper(
        "same",
        "padding of the convolutions; same: zeros that keep the size; valid: none",
        choices=("same", "valid"),
        shapes=True,
    )
    pooling: str = hyper(
        "max",
        "2 x 2 pooling after each block: max, average, or none",
        choices=("max", "average", "none"),
        shapes=True,
    )
    batch_norm: bool = hyper(True, "batch normalisation after each convolution", shapes=True)


@dataclass(frozen=True)
class Step:
    """One convolution or pooling, and the maps that it makes."""

    kind: Literal["convolution", "pooling"]
    num_inputs: int
    num_outputs: int
    stride: int
    sides: tuple[int, int]
    """Height and width of its output in pixels."""


def plan(hp: CNNHyperparameters, shape: DataShape) -> list[Step]:
    """Return the network's steps in order.

    Raises Infeasible where a window does not fit on its maps, or batch norm would get a single value.
    """
    num_inputs, *sides = shape.example
    return list(_steps(hp, num_inputs, (sides[0], sides[1])))


def _steps(hp: CNNHyperparameters, num_inputs: int, sides: tuple[int, int]) -> Iterator[Step]:
    num_outputs = hp.channels
    for block in range(1, hp.blocks + 1):
        before = sides
        for k in range(1, hp.depth + 1):
            if hp.padding == "valid" and min(sides) < hp.kernel_size:
                raise Infeasible(_too_small(hp, f"block {block}, convolution {k}", sides))
            stride = hp.stride if k == 1 else 1
            sides = _convolved(hp, sides, stride)
            if hp.batch_norm and sides == (1, 1) and 1 in (hp.batch_size, hp.micro_batch):
                alone = "normalising maps of 1 x 1 over a batch of one leaves nothing of them"
                raise Infeasible(f"block {block}, convolution {k}: {alone} (batch_norm: false, or larger batches)")
            yield Step("convolution", num_inputs, num_outputs, stride, sides)
            num_inputs = num_outputs
        pooled = hp.pooling != "none" and min(sides) >= SMALLEST_POOLED
        if pooled:
            sides = (sides[0] // 2, sides[1] // 2)
            yield Step("pooling", num_outputs, num_outputs, 2, sides)
        if pooled or (hp.stride > 1 and sides != before):
            num_outputs *= 2


def _convolved(hp: CNNHyperparameters, sides: tuple[int, int], stride: int) -> tuple[int, int]:
    lost = hp.kernel_size - 1 if hp.padding == "valid" else 0
    return (sides[0] - lost - 1) // stride + 1, (sides[1] - lost - 1) // stride + 1


def _too_small(hp: CNNHyperparameters, layer: str, sides: tuple[int, int]) -> str:
    window = f"a window of {hp.kernel_size} x {hp.kernel_size} without padding"
    remedy = "fewer blocks or convolutions, a smaller kernel_size or stride, or padding: same"
    return f"{layer}: {window} does not fit on maps of {sides[0]} x {sides[1]} ({remedy})"


def build(hp: CNNHyperparameters, shape: DataShape) -> nn.Module:
    """Return a network from images (batch, channels, height, width) to logits (batch, num_outputs).

    Raises Infeasible as ``plan`` does.
    """
    from torch import nn

    from workloads.layers.activations import activation  # 1,200 ms: torch
    from workloads.layers.layers import Dropout  # 1,200 ms: torch

    layers: list[nn.Module] = []
    steps = plan(hp, shape)
    for step in steps:
        if step.kind == "pooling":
            layers.append(nn.MaxPool2d(2) if hp.pooling == "max" else nn.AvgPool2d(2))
            continue
        layers += _convolution(hp, step)
        layers += [nn.BatchNorm2d(step.num_outputs)] if hp.batch_norm else []
        layers.append(activation(hp))
    grid = (min(GRID, steps[-1].sides[0]), min(GRID, steps[-1].sides[1]))
    num_features = steps[-1].num_outputs * grid[0] * grid[1]
    head = (
        nn.AdaptiveAvgPool2d(grid),
        nn.Flatten(),
        Dropout(hp.dropout),
        nn.Linear(num_features, shape.num_outputs),
    )
    return nn.Sequential(*layers, *head)


def data(hp: CNNHyperparameters, search: SearchData, device: device, dtype: dtype) -> ResidentData:
    """Return both splits standardised; on a CPU batches keep a pixel's channels together in memory.

    This makes training on a CPU a third faster (measured).
    """
    from workloads.training.batches import resident  # 1,200 ms: torch

    return replace(resident(search, device, dtype), channels_last=device.type == "cpu")


def _convolution(hp: CNNHyperparameters, step: Step) -> list[nn.Module]:
    """Return a convolution; padding ``same`` puts half of the zeros on each side, an odd one at the end.

    This is TensorFlow's rule; torch has none for strides above 1.
    """
    from torch import nn

    lost = hp.kernel_size - 1 if hp.padding == "same" else 0
    before, after = lost // 2, lost - lost // 2
    padding: list[nn.Module] = [] if before == after else [nn.ZeroPad2d((before, after, before, after))]
    return [
        *padding,
        nn.Conv2d(
            step.num_inputs,
            step.num_outputs,
            hp.kernel_size,
            step.stride,
            padding=before if before == after else 0,
            bias=not hp.batch_norm,
        ),
    ]


CNN = Workload(
    name="cnn",
    summary="convolutional network for images",
    hyperparameters=CNNHyperparameters,
    space={
        "lr": {"min": 1e-3, "max": 5e-2, "log": True},
        "batch_size": {"values": [32, 64, 128]},
        "weight_decay": {"min": 1e-6, "max": 1e-2, "log": True},
        "dropout": {"min": 0.1, "max": 0.5},
        "label_smoothing": {"min": 0.0, "max": 0.2},
    },
    problems={"image": ("classification",)},
    build=build,
    check=plan,
    data=data,
    half=True,
    recordable=True,
)
