"""Hyperparameters of a GAN."""

from __future__ import annotations

from dataclasses import dataclass

from search_spaces.space.hyperparameters import hyper
from workloads.hyperparameters import INIT_NAMES

VARIANTS = ("dcgan", "conditional", "wasserstein_gp", "progressive")


@dataclass(frozen=True, kw_only=True)
class GANHyperparameters:
    """Hyperparameters of generator, discriminator and their training.

    It is no ``Training``, whose optimizers and schedules are made for one network with one loss.
    """

    variant: str = hyper(
        "dcgan",
        "kind of GAN: convolutional, class-conditional, Wasserstein with gradient penalty, or progressively grown",
        choices=VARIANTS,
        shapes=True,
    )
    lr: float = hyper(0.001, "learning rate of the generator", low=0, low_open=True)
    discriminator_lr_ratio: float = hyper(
        1.0, "learning rate of the discriminator, as a multiple of lr", low=0, low_open=True
    )
    batch_size: int = hyper(64, "real images in a mini-batch; as many are generated", low=1, shapes=True)
    discriminator_steps: int = hyper(1, "updates of the discriminator before the generator's", low=1, shapes=True)
    generator_steps: int = hyper(1, "updates of the generator after the discriminator's", low=1, shapes=True)
    beta1: float = hyper(0.5, "beta1 of Adam, for both networks", low=0, high=1, high_open=True)
    beta2: float = hyper(0.99, "beta2 of Adam, for both networks", low=0, high=1, high_open=True)
    width: int = hyper(
        32,
        "feature maps at full resolution; doubled whenever the resolution is halved",
        low=1,
        high=1024,
        shapes=True,
    )
    latent: int = hyper(64, "dimension of the latent noise vector", low=1, high=65536, shapes=True)
    dropout: float = hyper(0.0, "dropout rate of the discriminator", low=0, high=1, high_open=True)
    label_smoothing: float = hyper(
        0.1,
        "dcgan and conditional: one-sided label smoothing, the target for real images is 1 minus this",
        low=0,
        high=0.5,
        when={"variant": ("dcgan", "conditional")},
    )
    gradient_penalty: float = hyper(
        10.0,
        "wasserstein_gp and progressive: coefficient of the gradient penalty",
        low=0,
        when={"variant": ("wasserstein_gp", "progressive")},
    )
    growth_epochs: int = hyper(
        2,
        "progressive: epochs at each resolution before it is doubled",
        low=1,
        shapes=True,
        when={"variant": ("progressive",)},
    )
    init: str = hyper(
        "default", "initialisation of the weights; default: PyTorch's own for each layer", choices=INIT_NAMES
    )
    init_gain: float = hyper(
        1.0,
        "factor by which the initial weights are multiplied; no effect with init: default",
        low=0,
        low_open=True,
        when={"init": INIT_NAMES[1:]},
    )
    patience: int = hyper(
        0, "early stopping: training ends after this many epochs without improvement; 0: never", low=0
    )
    min_improvement: float = hyper(
        0.0, "smallest change of the sweep's metric that counts as an improvement", low=0
    )
    average: float = hyper(
        0.98,
        "decay of the moving average of the generator's weights, which generates the samples; 0: no averaging",
        low=0,
        high=1,
        high_open=True,
    )
