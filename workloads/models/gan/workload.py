"""Generative adversarial networks: a generator makes images, a discriminator tells them from real ones.

``dcgan`` (Radford et al. 2016, arXiv:1511.06434) is convolutional; ``conditional`` (Mirza & Osindero 2014,
arXiv:1411.1784) also gives both networks the class; in ``wasserstein_gp`` (Gulrajani et al. 2017, arXiv:1704.00028)
the discriminator is a critic whose gradient is held near norm one; ``progressive`` (Karras et al. 2018,
arXiv:1710.10196) is the latter at a low resolution first, and fades in twice the resolution at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from workloads.arrays import DataShape
from workloads.contract import Workload
from workloads.models.gan.hyperparameters import VARIANTS, GANHyperparameters

if TYPE_CHECKING:
    from torch import device, dtype, nn

    from workloads.arrays import Array
    from workloads.data.search_data import SearchData
    from workloads.tasks.contract import Task
    from workloads.training.batches import ResidentData
    from workloads.training.setup import Loop, Setup, Trainee

GRID = 8
"""Rows and columns of the grid of samples."""
SHOWN_PIXELS = 32
"""Smaller images are enlarged to about this side in the grid."""


def build(hp: GANHyperparameters, shape: DataShape) -> nn.Module:
    """Return both networks, as a model from noise (rows, latent [+ classes]) to images in (-1, 1)."""
    from workloads.models.gan.networks import Players  # 1,100 ms: torch

    return Players(hp, shape)


def data(hp: GANHyperparameters, search: SearchData, device: device, dtype: dtype) -> ResidentData:
    """Return both splits with pixels scaled to [-1, 1] by the training split's smallest and largest value."""
    import numpy as np

    from workloads.data.statistics import Statistics  # 50 ms: NumPy
    from workloads.training.batches import resident  # 1,200 ms: torch

    low, high = float(search.train.x.min()), float(search.train.x.max())
    middle, half = np.array((high + low) / 2), np.array((high - low) / 2 or 1.0)
    return resident(replace(search, statistics=Statistics(np.array(0.0), middle, half)), device, dtype)


def loop(setup: Setup, member: Trainee) -> Loop:
    """Return the loop that trains both networks in turn."""
    from workloads.models.gan.loop import GanLoop  # 1,200 ms: torch

    return GanLoop(setup, member)


def measures(data: ResidentData) -> Task:
    """Return the task that compares samples with real images by a classifier trained on this data."""
    from workloads.models.gan.frechet import Generation  # 1,300 ms: torch

    return Generation(data)


def exhibit(setup: Setup, model: nn.Module, epoch: int) -> Mapping[str, bytes]:
    """Return a PNG grid of samples, made of the same noise in every epoch and trial."""
    import torch

    from workloads.models.gan.grid_image import grid_png  # 1,200 ms: torch
    from workloads.models.gan.networks import Players  # 1,200 ms: torch

    assert isinstance(model, Players)
    classes = torch.arange(GRID * GRID, device=setup.data.device) % setup.data.shape.num_outputs
    images = model(model.inputs(classes, seed=0))
    return {f"samples/e{epoch:04d}.png": grid_png(images, GRID, SHOWN_PIXELS)}


def export(hp: GANHyperparameters, model: nn.Module, data: ResidentData) -> tuple[nn.Module, Array]:
    """Return the averaged generator, and a few rows of noise as its example inputs."""
    import torch

    from workloads.layers.layers import Preprocess  # 1,200 ms: torch
    from workloads.models.gan.networks import Made, Players  # 1,300 ms: torch

    assert isinstance(model, Players) and isinstance(data.prepare, Preprocess)
    inputs = model.inputs(torch.arange(4) % data.shape.num_outputs, seed=0)
    return Made(model.average, data.prepare), inputs.numpy()


GAN = Workload(
    name="gan",
    summary="generative adversarial network for images: dcgan, conditional, Wasserstein, progressive",
    hyperparameters=GANHyperparameters,
    space={
        "variant": {"values": list(VARIANTS)},
        "lr": {"min": 2e-4, "max": 5e-3, "log": True},
        "discriminator_lr_ratio": {"min": 0.25, "max": 4.0, "log": True},
        "discriminator_steps": {"values": [1, 2]},
        "beta1": {"values": [0.0, 0.5]},
        "dropout": {"min": 0.0, "max": 0.4},
    },
    problems={"image": ("generation",)},
    build=build,
    fusable=False,
    data=data,
    streams=False,
    judge=measures,
    loop=loop,
    exhibit=exhibit,
    exhibit_epochs=True,
    export=export,
)
