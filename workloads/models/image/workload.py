"""Image classification: images are resized, augmented, and classified by a small residual network."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from search_spaces.space.hyperparameters import hyper
from workloads.arrays import DataShape, Infeasible
from workloads.contract import Workload
from workloads.hyperparameters import OPTIMIZER_NAMES, PRECISION_NAMES, Nonlinearity, Training

if TYPE_CHECKING:
    from torch import device, dtype, nn

    from workloads.data.search_data import SearchData
    from workloads.tasks.contract import Task
    from workloads.training.batches import ResidentData


@dataclass(frozen=True, kw_only=True)
class ImageHyperparameters(Training, Nonlinearity):
    """Hyperparameters of a residual network, of its images, and of its training."""

    lr: float = hyper(0.002, "learning rate", low=0, low_open=True)
    optimizer: str = hyper("adamw", "optimizer", choices=OPTIMIZER_NAMES, shapes=True)
    weight_decay: float = hyper(
        0.01, "coefficient of L2 regularisation; with adamw, of decoupled weight decay", low=0
    )
    dropout: float = hyper(0.0, "dropout rate before the classifier", low=0, high=1, high_open=True)
    depth: int = hyper(1, "residual blocks in each of the three stages", low=1, high=32, shapes=True)
    width: int = hyper(
        16, "channels of the first stage; doubled in each further one", low=1, high=1024, shapes=True
    )
    norm: str = hyper(
        "batch",
        "batch normalisation, or group normalisation with groups of 8 channels",
        choices=("batch", "group"),
        shapes=True,
    )
    size: int = hyper(
        0,
        "image size in pixels: the shorter side is resized to it, the longer one cropped; 0: the data's own size",
        low=0,
        high=2048,
        shapes=True,
        prepares=True,
    )
    flip: float = hyper(0.5, "probability of a horizontal flip in training", low=0, high=1)
    crop: float = hyper(
        0.125, "random crop: largest shift as a fraction of the side, padded with black", low=0, high=0.5
    )
    rotate: float = hyper(0.0, "random rotation: largest angle in degrees, in either direction", low=0, high=180)
    colour: float = hyper(
        0.0, "colour jitter: largest relative change of brightness, contrast and saturation", low=0, high=1
    )
    randaugment: float = hyper(
        0.0, "RandAugment: magnitude of two random operations per image; 0: none", low=0, high=30
    )
    mixup: float = hyper(
        0.0,
        "mixup: images and labels are mixed in pairs, with a weight from Beta(mixup, mixup); 0: none",
        low=0,
        high=10,
    )
    cutmix: float = hyper(
        0.0,
        "CutMix: a box from another image is pasted, its area and label share from Beta(cutmix, cutmix); 0: none",
        low=0,
        high=10,
    )
    precision: str = hyper(
        "auto",
        "precision of matrix products; auto: bfloat16 on a GPU, float32 on a CPU",
        choices=PRECISION_NAMES,
        shapes=True,
    )
    channels_last: bool = hyper(False, "memory format channels_last, which also has an effect on CPUs", shapes=True)
    compile: bool = hyper(
        False,
        "compile the model by torch.compile: about a minute for each new architecture; on a CPU it needs g++",
        shapes=True,
    )


def check(hp: ImageHyperparameters, shape: DataShape) -> None:
    """Raise Infeasible where this machine has no C++ compiler for torch.compile, or RandAugment cannot take the
    images' number of channels.
    """
    if hp.compile and not shutil.which(os.environ.get("CXX", "g++")):
        raise Infeasible("compile: torch.compile needs a C++ compiler, and there is no g++ on this machine")
    num_channels = shape.example[0]
    if hp.randaugment > 0 and num_channels not in (1, 3):
        raise Infeasible(
            f"randaugment: torchvision's operations take 1 or 3 channels, the images have {num_channels}"
        )


def build(hp: ImageHyperparameters, shape: DataShape) -> nn.Module:
    """Return a network from images (batch, channels, height, width) in 0 to 1 to logits (batch, num_outputs)."""
    from functools import partial

    from workloads.layers.activations import activation  # 1,200 ms: torch
    from workloads.models.image.network import NORMS, Look, Running, Standardised, resnet  # 1,200 ms: torch

    check(hp, shape)
    look = Look(hp.depth, hp.width, partial(activation, hp), NORMS[hp.norm], hp.dropout)
    return Standardised(resnet(look, shape), shape, Running(hp.precision, hp.channels_last, hp.compile))


def data(hp: ImageHyperparameters, search: SearchData, device: device, dtype: dtype) -> ResidentData:
    """Return both splits as uint8 images of ``size`` pixels a side."""
    from workloads.training.image_inputs import pictures  # 1,200 ms: torch

    return pictures(hp.size, search, device, dtype)


def task(shape: DataShape, objective: str) -> Task:
    """Return the classification of images that are augmented in training, by each member's own strengths."""
    from workloads.models.image.task import Augmented  # 1,200 ms: torch
    from workloads.tasks.by_problem import task_of  # 1,200 ms: torch

    return Augmented(task_of(shape, objective))


IMAGE = Workload(
    name="image",
    summary="residual network for images of any size, with resizing and augmentation",
    hyperparameters=ImageHyperparameters,
    space={
        "lr": {"min": 3e-4, "max": 1e-2, "log": True},
        "batch_size": {"values": [32, 64, 128]},
        "weight_decay": {"min": 1e-4, "max": 1e-1, "log": True},
        "width": {"values": [16, 32]},
        "flip": {"values": [0.0, 0.5]},
        "crop": {"min": 0.0, "max": 0.2},
        "randaugment": {"min": 0.0, "max": 10.0},
        "mixup": {"values": [0.0, 0.2]},
    },
    problems={"image": ("classification",)},
    build=build,
    check=check,
    # Members augment by their own strengths and so share no inputs, and a residual network's convolutions, one
    # group a member, are slower together than one after the other.
    fusable=False,
    reads_files=True,
    half=True,
    task=task,
    data=data,
)
