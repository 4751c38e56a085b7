"""Generative adversarial networks: one player makes images, the other tells them from real ones, both learn.

``dcgan`` (Radford et al. 2016, arXiv:1511.06434) plays with convolutions; ``conditional`` (Mirza & Osindero 2014,
arXiv:1411.1784) also tells both players the class; ``wasserstein_gp`` (Gulrajani et al. 2017, arXiv:1704.00028)
turns the judge into a critic whose slope is held near one; ``progressive`` (Karras et al. 2018, arXiv:1710.10196)
plays the latter game with a few pixels first and fades in twice the resolution at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from search_spaces.hyperparameters import hyper
from workloads.registry import DataShape, Workload
from workloads.training import INIT_NAMES

if TYPE_CHECKING:
    from torch import device, dtype, nn

    from workloads.data import SearchData
    from workloads.features import Array
    from workloads.loop import Loop, Setup, Trainee
    from workloads.resident import ResidentData
    from workloads.task import Task

VARIANTS = ("dcgan", "conditional", "wasserstein_gp", "progressive")
GRID = 8
"""Rows and columns of the picture that shows samples."""
SHOWN_PIXELS = 32
"""Smaller images are enlarged to about this size in it."""


@dataclass(frozen=True, kw_only=True)
class GANHyperparameters:
    """The numbers of both players and their game; not a classifier's, so it shares none of ``Training``'s."""

    variant: str = hyper("dcgan", "the game", choices=VARIANTS, shapes=True)
    lr: float = hyper(0.001, "learning rate of the generator", low=0, low_open=True)
    discriminator_lr_ratio: float = hyper(1.0, "learning rate of the discriminator / lr", low=0, low_open=True)
    batch_size: int = hyper(64, "real images a step, and as many made ones", low=1, shapes=True)
    discriminator_steps: int = hyper(1, "mini-batches that the discriminator sees a turn", low=1, shapes=True)
    generator_steps: int = hyper(1, "steps of the generator a turn", low=1, shapes=True)
    beta1: float = hyper(0.5, "adam's memory of gradients, both players", low=0, high=1, high_open=True)
    beta2: float = hyper(0.99, "adam's memory of squared gradients, both players", low=0, high=1, high_open=True)
    width: int = hyper(32, "maps at full resolution, doubled with each halving", low=1, high=1024, shapes=True)
    latent: int = hyper(64, "numbers of noise that an image is made of", low=1, high=65536, shapes=True)
    dropout: float = hyper(0.0, "share of the discriminator's units dropped", low=0, high=1, high_open=True)
    label_smoothing: float = hyper(
        0.1, "real images are called real but for this share; dcgan, conditional", low=0, high=0.5
    )
    gradient_penalty: float = hyper(
        10.0, "weight of the critic's slope beside one; wasserstein_gp, progressive", low=0
    )
    growth_epochs: int = hyper(2, "epochs of a resolution before the next; progressive", low=1, shapes=True)
    init: str = hyper("default", "distribution of the first weights; default is torch's own", choices=INIT_NAMES)
    init_gain: float = hyper(1.0, "factor on the first weights, unless they are torch's own", low=0, low_open=True)
    patience: int = hyper(0, "epochs without improvement after which training ends; 0: it goes on", low=0)
    min_improvement: float = hyper(0.0, "what counts as improvement, in units of the sweep's metric", low=0)
    average: float = hyper(
        0.98,
        "decay of the generator's running average, which makes the samples; 0: none",
        low=0,
        high=1,
        high_open=True,
    )


def build(hp: GANHyperparameters, shape: DataShape) -> nn.Module:
    """(rows, latent [+ classes]) noise -> (rows, channels, height, width) images in (-1, 1)."""
    from workloads.players import Players

    return Players(hp, shape)


def data(hp: GANHyperparameters, search: SearchData, device: device, dtype: dtype) -> ResidentData:
    """Pixels scaled to [-1, 1] by the smallest and largest of the training split."""
    import numpy as np

    from workloads.features import Statistics
    from workloads.resident import resident

    low, high = float(search.train.x.min()), float(search.train.x.max())
    middle, half = np.array((high + low) / 2), np.array((high - low) / 2 or 1.0)
    return resident(replace(search, statistics=Statistics(np.array(0.0), middle, half)), device, dtype)


def loop(setup: Setup, member: Trainee) -> Loop:
    """Two players take turns."""
    from workloads.gan_loop import GanLoop

    return GanLoop(setup, member)


def measures(data: ResidentData) -> Task:
    """Samples against real images, in the eyes of a classifier trained on this data."""
    from workloads.frechet import Generation

    return Generation(data)


def exhibit(setup: Setup, model: nn.Module, epoch: int) -> Mapping[str, bytes]:
    """A grid of samples, made of the same noise in every epoch and trial."""
    import torch

    from workloads.grids import grid_png
    from workloads.players import Players

    assert isinstance(model, Players)
    classes = torch.arange(GRID * GRID, device=setup.data.device) % setup.data.shape.num_outputs
    images = model(model.inputs(classes, seed=0))
    return {f"samples/e{epoch:04d}.png": grid_png(images, GRID, SHOWN_PIXELS)}


def export(hp: GANHyperparameters, model: nn.Module, data: ResidentData) -> tuple[nn.Module, Array]:
    """The generator alone, and a few rows of noise for it."""
    import torch

    from workloads.layers import Preprocess
    from workloads.players import Made, Players

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
