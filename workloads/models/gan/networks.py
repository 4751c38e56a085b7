"""The two networks of a GAN: a generator of images, and a discriminator that tells them from real ones."""

from __future__ import annotations

import copy
import itertools
import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from workloads.arrays import DataShape
from workloads.layers.layers import Dropout, Preprocess
from workloads.models.gan.hyperparameters import GANHyperparameters
from workloads.models.gan.resolutions import Pyramid, doubled, halved

SMALL = 1e-8


class Generator(nn.Module):
    """Makes images in (-1, 1) from noise (rows, latent), which the class one-hot follows if conditional."""

    def __init__(self, hp: GANHyperparameters, shape: DataShape) -> None:
        super().__init__()
        self.pyramid = pyramid = _pyramid(hp, shape)
        self.level, self.share = pyramid.bottom, 1.0
        maps = pyramid.maps
        num_inputs = hp.latent + (shape.num_outputs if hp.variant == "conditional" else 0)
        size = (maps[0], *pyramid.base)
        project = (nn.Linear(num_inputs, math.prod(size)), nn.Unflatten(1, size))
        self.start = nn.Sequential(*project, _normalised(hp, maps[0]), nn.ReLU())
        self.blocks = nn.ModuleList(
            nn.Sequential(_doubling(hp, few, many), _normalised(hp, many), nn.ReLU())
            for few, many in itertools.pairwise(maps)
        )
        self.to_image = nn.ModuleDict(
            {str(level): nn.Conv2d(maps[level], pyramid.channels, 3, padding=1) for level in pyramid.levels}
        )

    def forward(self, z: Tensor) -> Tensor:
        """Return images of the present level's size, (rows, channels, base << level)."""
        before = maps = self.start(z)
        for block in self.blocks[: self.level]:
            before, maps = maps, block(maps)
        image = self.to_image[str(self.level)](maps)
        if self.share < 1:
            image = torch.lerp(doubled(self.to_image[str(self.level - 1)](before)), image, self.share)
        return torch.tanh(image)

    def whole(self, z: Tensor) -> Tensor:
        """Return images of the data's size; below the top level each pixel is repeated in a square."""
        image: Tensor = self(z)
        for _ in range(self.level, self.pyramid.top):
            image = doubled(image)
        return self.pyramid.cut(image)


class Discriminator(nn.Module):
    """Scores images of the present level's size, one number a row: large for real ones."""

    def __init__(self, hp: GANHyperparameters, shape: DataShape) -> None:
        super().__init__()
        self.pyramid = pyramid = _pyramid(hp, shape)
        self.level, self.share = pyramid.bottom, 1.0
        self.compares = hp.variant == "progressive"
        maps = pyramid.maps
        self.num_classes = shape.num_outputs if hp.variant == "conditional" else 0
        num_inputs = pyramid.channels + self.num_classes
        self.from_image = nn.ModuleDict(
            {
                str(level): nn.Sequential(nn.Conv2d(num_inputs, maps[level], 3, padding=1), nn.LeakyReLU(0.2))
                for level in pyramid.levels
            }
        )
        self.blocks = nn.ModuleList(
            nn.Sequential(*_halving(hp, many, few), nn.LeakyReLU(0.2), Dropout(hp.dropout))
            for few, many in itertools.pairwise(maps)
        )
        num_features = (maps[0] + self.compares) * math.prod(pyramid.base)
        self.judge = nn.Sequential(nn.Flatten(), nn.Linear(num_features, 1), nn.Flatten(0))

    def forward(self, images: Tensor, y: Tensor) -> Tensor:
        """Return scores (rows,) of images (rows, channels, base << level); if conditional, given their classes."""
        if self.num_classes:
            planes = one_hot(y, self.num_classes, images)[..., None, None]
            images = torch.cat([images, planes.expand(-1, -1, *images.shape[-2:])], dim=1)
        maps = self.from_image[str(self.level)](images)
        for level in range(self.level, 0, -1):
            maps = self.blocks[level - 1](maps)
            if level == self.level and self.share < 1:
                maps = torch.lerp(self.from_image[str(level - 1)](halved(images)), maps, self.share)
        if self.compares:
            maps = torch.cat([maps, _spread(maps)], dim=1)
        score: Tensor = self.judge(maps)
        return score


class Players(nn.Module):
    """Generator, discriminator, and the running average of the generator, which makes the images in evaluation."""

    def __init__(self, hp: GANHyperparameters, shape: DataShape) -> None:
        super().__init__()
        self.latent = hp.latent
        self.generator = Generator(hp, shape)
        self.discriminator = Discriminator(hp, shape)
        self.average = copy.deepcopy(self.generator).requires_grad_(False)

    def forward(self, z: Tensor) -> Tensor:
        """Images of the data's size in (-1, 1) from noise, and classes where the variant is conditional."""
        return self.average.whole(z)

    def inputs(self, y: Tensor, seed: int) -> Tensor:
        """Return the generator's inputs: noise of ``seed``, equal on every device, and classes if conditional."""
        like = next(self.average.parameters())
        noise = torch.randn(len(y), self.latent, generator=torch.Generator().manual_seed(seed))
        return self.with_classes(noise.to(like), y)

    def with_classes(self, noise: Tensor, y: Tensor) -> Tensor:
        """Return ``noise`` (rows, latent), joined with the classes one-hot where the variant is conditional."""
        num_classes = self.discriminator.num_classes
        return torch.cat([noise, one_hot(y, num_classes, noise)], dim=1) if num_classes else noise

    def real(self, images: Tensor) -> Tensor:
        """Return real images as the discriminator sees samples: at the present level's resolution, faded alike."""
        image = self.generator.pyramid.lay(images)
        for _ in range(self.generator.level, self.generator.pyramid.top):
            image = halved(image)
        return image if self.share == 1 else torch.lerp(doubled(halved(image)), image, self.share)

    @property
    def share(self) -> float:
        """Share of the present level in the images, 0 to 1; the rest is the level below."""
        return self.generator.share

    def grow(self, level: int, share: float) -> None:
        """Make images of ``level`` from now on, with ``share`` of it and the rest of the level below."""
        for player in (self.generator, self.discriminator, self.average):
            player.level, player.share = level, share

    @torch.no_grad()
    def follow(self, decay: float) -> None:
        """Move the average towards the generator by 1 - ``decay``; running statistics are copied."""
        for mean, now in zip(self.average.parameters(), self.generator.parameters(), strict=True):
            mean.data.lerp_(now.data, 1 - decay)
        for kept, statistic in zip(self.average.buffers(), self.generator.buffers(), strict=True):
            kept.copy_(statistic)

    def get_extra_state(self) -> Tensor:
        """Return level and share, float64 (2,), as part of the ``state_dict``."""
        return torch.tensor([self.generator.level, self.share], dtype=torch.float64)

    def set_extra_state(self, state: Tensor) -> None:
        """Restore level and share from ``get_extra_state``."""
        self.grow(int(state[0]), float(state[1]))


class Made(nn.Module):
    """The generator as it is served: makes images in the data's pixel values from noise, and classes one-hot."""

    def __init__(self, generator: Generator, prepare: Preprocess) -> None:
        super().__init__()
        self.generator = generator
        self.prepare = prepare

    def forward(self, z: Tensor) -> Tensor:
        """Return images (rows, channels, height, width) of the data's range; ``z`` is (rows, latent + classes)."""
        image = self.generator.whole(z)
        return image * self.prepare.std.to(image) + self.prepare.mean.to(image)


def one_hot(y: Tensor, num_classes: int, like: Tensor) -> Tensor:
    """Return classes one-hot, (rows, num_classes) in ``like``'s dtype."""
    return functional.one_hot(y, num_classes).to(like.dtype)


def _pyramid(hp: GANHyperparameters, shape: DataShape) -> Pyramid:
    return Pyramid(shape.example, hp.width, grows=hp.variant == "progressive")


def _normalised(hp: GANHyperparameters, maps: int) -> nn.Module:
    return _PixelNorm() if hp.variant == "progressive" else nn.BatchNorm2d(maps)


def _doubling(hp: GANHyperparameters, num_inputs: int, num_outputs: int) -> nn.Module:
    if hp.variant == "progressive":
        return nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(num_inputs, num_outputs, 3, padding=1))
    return nn.ConvTranspose2d(num_inputs, num_outputs, 4, stride=2, padding=1)


def _halving(hp: GANHyperparameters, num_inputs: int, num_outputs: int) -> list[nn.Module]:
    """Return layers that halve an image; batch norm would tie rows together, which a penalty per row forbids."""
    if hp.variant == "progressive":
        return [nn.Conv2d(num_inputs, num_outputs, 3, padding=1), nn.AvgPool2d(2)]
    norm = nn.GroupNorm(1, num_outputs) if hp.variant == "wasserstein_gp" else nn.BatchNorm2d(num_outputs)
    return [nn.Conv2d(num_inputs, num_outputs, 4, stride=2, padding=1), norm]


class _PixelNorm(nn.Module):
    """Scales each pixel's maps to a mean square of one (Karras et al. 2018, arXiv:1710.10196)."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.square().mean(1, keepdim=True) + SMALL)


def _spread(maps: Tensor) -> Tensor:
    """Return one more map, filled with the mean deviation over the rows: it shows samples that are all alike.

    The minibatch deviation of Karras et al. 2018, arXiv:1710.10196.
    """
    spread = (maps.var(0, correction=0) + SMALL).sqrt().mean()
    return spread.expand(len(maps), 1, *maps.shape[-2:])
