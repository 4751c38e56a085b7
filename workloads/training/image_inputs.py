"""Images on the device as bytes, resized once, for workloads that augment them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workloads.arrays import Array
from workloads.data.sources.image_files import read
from workloads.data.sources.image_records import is_records
from workloads.training.batches import ResidentData, tensor

if TYPE_CHECKING:
    from workloads.data.search_data import SearchData

RESIZED_AT_ONCE = 256
"""Images that are resized together."""


def pictures(size: int, search: SearchData, device: torch.device, dtype: torch.dtype) -> ResidentData:
    """Return both splits as uint8 images of ``size`` pixels a side (0: as they are); batches are numbers in 0 to 1.

    The shape holds the channels' mean and deviation over the training split, by which the model standardises.
    """
    shape = search.shape()
    num_channels, *sides = shape.example
    found = search.statistics
    shape = replace(
        shape,
        example=(num_channels, size, size) if size else (num_channels, *sides),
        channel_mean=tuple((found.mean.ravel() / 255).tolist()),
        channel_std=tuple((found.std.ravel() / 255).tolist()),
    )
    return ResidentData(
        x_train=_on(device, search.train.x, size),
        y_train=tensor(search.train.y).to(device),
        x_val=_on(device, search.val.x, size),
        y_val=tensor(search.val.y).to(device),
        shape=shape,
        prepare=ScaledImages(size, dtype),
        dtype=dtype,
        ready=False,
        ahead=is_records(search.train.x),
    )


def _on(device: torch.device, x: Array, size: int) -> Tensor:
    """Return uint8 images of ``size`` pixels a side; records of images on disk stay records."""
    if is_records(x):
        return tensor(x).to(device)
    parts = torch.split(tensor(x), RESIZED_AT_ONCE)
    return torch.cat([resized(part.to(device), size) for part in parts])


def resized(x: Tensor, size: int) -> Tensor:
    """Resize uint8 images (..., height, width): the shorter side to ``size`` pixels, the longer one is cropped."""
    height, width = x.shape[-2:]
    if size == 0 or (height, width) == (size, size):
        return x
    scale = size / min(height, width)
    sides = (max(size, round(height * scale)), max(size, round(width * scale)))
    large = F.interpolate(x.float(), sides, mode="bilinear", antialias=True)
    top, left = (sides[0] - size) // 2, (sides[1] - size) // 2
    return large[..., top : top + size, left : left + size].round().clamp(0, 255).to(torch.uint8)


def read_records(x: Tensor) -> Tensor:
    """Read the images (rows, channels, height, width) of ``image_records`` from disk, one thread for each core."""
    images = torch.from_numpy(read(x.cpu().numpy()))
    return images.pin_memory().to(x.device, non_blocking=True) if x.is_cuda else images


class ScaledImages(nn.Module):
    """Converts uint8 images of any size to numbers in 0 to 1, of the size that the model is trained with."""

    def __init__(self, size: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.size, self.dtype = size, dtype

    def forward(self, x: Tensor) -> Tensor:
        """Return images (batch, channels, size, size) for uint8 images of any size, or for ``image_records``."""
        if x.dim() == 2:
            x = read_records(x)
        return resized(x, self.size).to(self.dtype) / 255
