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
