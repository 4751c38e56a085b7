"""Images on the device as bytes, resized once, for workloads that augment them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from workloads.features import Array
from workloads.image_records import is_records
from workloads.resident import ResidentData, tensor
from workloads.resnet import Scaled, resized

if TYPE_CHECKING:
    from workloads.data import SearchData

RESIZED_AT_ONCE = 256


def pictures(size: int, search: SearchData, device: torch.device, dtype: torch.dtype) -> ResidentData:
    """Both splits as bytes of ``size`` pixels a side (0: as they are); batches are numbers in 0 to 1.

    The shape tells the channels' mean and spread over the training split, for the model to standardise by.
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
        prepare=Scaled(size, dtype),
        dtype=dtype,
        ready=False,
        ahead=is_records(search.train.x),
    )


def _on(device: torch.device, x: Array, size: int) -> Tensor:
    """Images as bytes of ``size`` pixels a side; records of images on disk as they are."""
    if is_records(x):
        return tensor(x).to(device)
    parts = torch.split(tensor(x), RESIZED_AT_ONCE)
    return torch.cat([resized(part.to(device), size) for part in parts])
