"""Augments whole batches of images on the device that holds them.

Each image has its own random numbers, from torch's global generators. The loops seed these for each epoch, so equal
seeds see equal images, and a resumed training sees the same as an uninterrupted one. All noise of a batch is drawn
whatever the strengths are, so members that share a seed move images in the same direction, by their own strengths.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

RANDAUGMENT_OPERATIONS = 2
RANDAUGMENT_GROUP = 8
"""Number of neighbours in a batch, whose order is random, that get the same operations."""
GREY = (0.299, 0.587, 0.114)
"""Luma of red, green and blue, ITU-R BT.601."""


@dataclass(frozen=True)
class Strengths:
    """Strengths of the augmentations; 0 turns each of them off."""

    flip: float = 0.0
    """Share of the images that are mirrored."""
    crop: float = 0.0
    """Largest shift as a share of the side, 0 to 0.5."""
    rotate: float = 0.0
    """Largest angle in degrees, either way."""
    colour: float = 0.0
    """Largest relative change of brightness, of contrast and of saturation."""
    randaugment: float = 0.0
    """Magnitude, 0 to 30."""
    mixup: float = 0.0
    """Parameter a of Beta(a, a), from which the image's own share of a mixed one is drawn."""
    cutmix: float = 0.0
    """Parameter a of Beta(a, a), from which the image's own share of the area is drawn."""


def augmented(x: Tensor, how: Strengths) -> Tensor:
    """Return augmented images: (batch, channels, height, width) in 0 to 1, as ``x``; empty borders are black."""
    noise = torch.rand((7, len(x)), device=x.device, dtype=x.dtype)
    if how.flip > 0:
        x = torch.where((noise[0] < how.flip).view(-1, 1, 1, 1), x.flip(-1), x)
    if how.crop > 0:
        x = shifted(x, how.crop, noise[1], noise[2])
    if how.rotate > 0:
        x = rotated(x, math.radians(how.rotate) * (2 * noise[3] - 1))
    if how.colour > 0:
        x = coloured(x, 1 + how.colour * (2 * noise[4:7] - 1))
    return randaugmented(x, how.randaugment) if how.randaugment > 0 else x


def shifted(x: Tensor, share: float, down: Tensor, right: Tensor) -> Tensor:
    """Return images moved by whole pixels, at most ``share`` of a side; empty borders are black.

    ``down`` and ``right`` are (batch,) in 0 to 1; 0.5 moves nothing.
    """
    for dim, noise in ((-2, down), (-1, right)):
        side = x.shape[dim]
        reach = round(share * side)
        source = torch.arange(side, device=x.device) - (noise * (2 * reach + 1)).long().sub(reach).unsqueeze(1)
        inside = (source >= 0) & (source < side)
        index, kept = source.clamp(0, side - 1), inside.to(x.dtype)
        shape = (-1, 1, side, 1) if dim == -2 else (-1, 1, 1, side)
        x = x.gather(dim, index.view(shape).expand(x.shape)) * kept.view(shape)
    return x


def rotated(x: Tensor, angle: Tensor) -> Tensor:
    """Return images turned around their centres by ``angle`` (batch,) in radians, counter-clockwise, bilinear."""
    height, width = x.shape[-2:]
    cos, sin, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
    # The grid's coordinates run from -1 to 1 along either side, however long it is.
    rows = (torch.stack([cos, -sin * height / width, zero], 1), torch.stack([sin * width / height, cos, zero], 1))
    grid = F.affine_grid(torch.stack(rows, 1), list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, align_corners=False)


def coloured(x: Tensor, factors: Tensor) -> Tensor:
    """Multiply brightness, contrast and saturation of each image by ``factors`` (3, batch).

    The formulas are those of torchvision's adjust_* functions.
    """
    brightness, contrast, saturation = factors.view(3, -1, 1, 1, 1)
    x = (x * brightness).clamp(0, 1)
    x = torch.lerp(grey(x).mean((-2, -1), keepdim=True), x, contrast).clamp(0, 1)
    return torch.lerp(grey(x), x, saturation).clamp(0, 1) if x.shape[1] == 3 else x


def grey(x: Tensor) -> Tensor:
    """Return the luma of images, (batch, 1, height, width); of other than three channels their mean."""
    if x.shape[1] != 3:
        return x.mean(1, keepdim=True)
    return (x * torch.tensor(GREY, device=x.device, dtype=x.dtype).view(3, 1, 1)).sum(1, keepdim=True)


def randaugmented(x: Tensor, magnitude: float) -> Tensor:
    """Apply two random operations of torchvision's RandAugment (Cubuk et al. 2019, arXiv:1909.13719).

    They are the same for the ``RANDAUGMENT_GROUP`` images of a group.
    """
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms.v2 import RandAugment

    transform = RandAugment(RANDAUGMENT_OPERATIONS, round(magnitude), interpolation=InterpolationMode.BILINEAR)
    return torch.cat([transform(part) for part in torch.split(x, RANDAUGMENT_GROUP)])


@dataclass(frozen=True)
class Mixed:
    """Images of a batch, each mixed with another image of it."""

    x: Tensor
    partner: Tensor | None
    """Index of the other image, (batch,); None if nothing was mixed."""
    own: float = 1.0
    """Share of the image itself, 0 to 1, in pixels and so in the label; one number for the whole batch."""


def mixed(x: Tensor, how: Strengths) -> Mixed:
    """Return images mixed by Mixup (Zhang et al. 2017, arXiv:1710.09412) or CutMix (Yun et al. 2019,
    arXiv:1905.04899).

    If both are on, each batch takes one of them with equal chances.
    """
    if how.mixup == 0 and how.cutmix == 0:
        return Mixed(x, None)
    coin, row, column = torch.rand(3).tolist()
    cut = how.cutmix > 0 and (how.mixup == 0 or coin < 0.5)
    concentration = how.cutmix if cut else how.mixup
    own = float(torch.distributions.Beta(concentration, concentration).sample())
    partner = torch.randperm(len(x), device=x.device)
    if not cut:
        return Mixed(torch.lerp(x[partner], x, own), partner, own)
    return _cut(x, partner, own, (row, column))


def _cut(x: Tensor, partner: Tensor, own: float, centre: tuple[float, float]) -> Mixed:
    """Replace a box around ``centre`` by the partner's pixels; its share of the area is ``1 - own``.

    The box is clipped at the image's borders, and the returned share is that of the clipped box.
    """
    edges = []
    for side, middle in zip(x.shape[-2:], centre, strict=True):
        half = side * math.sqrt(1 - own) / 2
        edges.append((max(0, round(side * middle - half)), min(side, round(side * middle + half))))
    (top, bottom), (left, right) = edges
    pasted = x.clone()
    pasted[..., top:bottom, left:right] = x[partner][..., top:bottom, left:right]
    area = (bottom - top) * (right - left) / (x.shape[-2] * x.shape[-1])
    return Mixed(pasted, partner, 1 - area)
