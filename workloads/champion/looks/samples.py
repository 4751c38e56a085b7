"""A generator's champion: samples beside real images of the same classes, and the classes that they cover."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from search_spaces.types.inspected.examples import Coverage, Picture
from workloads.arrays import Array
from workloads.champion.looks.seen import Seen, evenly
from workloads.champion.looks.small_images import png
from workloads.models.gan.frechet import FOUND, yardstick
from workloads.models.gan.networks import Players

NUM_TILES = 24
MAX_SAMPLES = 2000
"""Largest number of samples, and of validation images, of which classes are counted."""
AT_ONCE = 256


@torch.no_grad()
def samples(seen: Seen) -> dict[str, Any]:
    """Return real validation images beside samples, and the share of each class among both.

    The classes are those that a small classifier sees, which is trained on the training split (``gan.frechet``).
    """
    data, model = seen.winner.setup.data, seen.winner.model
    assert isinstance(model, Players)
    eye = yardstick(data).eye
    places = torch.from_numpy(evenly(len(data.y_val), MAX_SAMPLES))
    y, images = data.y_val[places], data.inputs(data.x_val[places])
    made = [model(model.inputs(part, seed=1 + k)) for k, part in enumerate(torch.split(y, AT_ONCE))]
    seen_as = torch.cat([eye.classify(eye.features(part)).argmax(1) for part in made])
    shares = [
        (torch.bincount(of, minlength=data.shape.num_outputs).double() / len(of)).tolist() for of in (y, seen_as)
    ]
    names = seen.winner.classes or [str(k) for k in range(data.shape.num_outputs)]
    coverage = [
        Coverage(name=name, real=real, made=share, found=share > 0 and share >= FOUND * real)
        for name, real, share in zip(names, *shares, strict=True)
        if real > 0 or share > 0
    ]
    first = torch.cat(made)[:NUM_TILES]
    tiles = {"real": _tiles(images[:NUM_TILES]), "made": _tiles(first)}
    return {"coverage": coverage, "images": tiles}


def _tiles(images: Tensor) -> list[Picture]:
    """Return images in [-1, 1] as tiles; pixels that are not finite are black."""
    pixels = ((images.nan_to_num(-1.0, -1.0, -1.0).clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    found: Array = pixels.cpu().numpy()
    return [Picture(png=png(image)) for image in found]
