"""Saliency of images by input gradients (Simonyan, Vedaldi & Zisserman 2014, arXiv:1312.6034)."""

from __future__ import annotations

import torch

from workloads.arrays import Array, Arrays
from workloads.champion.winner import Winner
from workloads.data.sources.image_records import example_shape
from workloads.legs.score import on_device


class NoSaliency(Exception):
    """Raised where a champion has no input gradients of an image's pixels; the message says why."""


@torch.enable_grad()
def saliency(winner: Winner, part: Arrays) -> Array:
    """Return maps (rows, height, width) of |d logit of the predicted class / d pixel|, the largest over channels.

    Height and width are those of the network's inputs; each map is scaled to a largest value of 1. Raises
    NoSaliency where the network does not see pixels, or is not differentiable in them.
    """
    x, _ = on_device(winner.setup, part)
    inputs = winner.setup.data.raw(part.columns).inputs(x).detach()
    num_channels = example_shape(part.x)[0]
    if inputs.dim() != 4 or inputs.shape[1] != num_channels or not inputs.is_floating_point():
        raise NoSaliency("its network does not see the pixels, but features made of them")
    inputs.requires_grad_(True)
    logits = winner.model(inputs)
    if not logits.requires_grad:
        raise NoSaliency("its outputs are not differentiable in the pixels")
    (gradient,) = torch.autograd.grad(logits.max(-1).values.sum(), inputs)
    maps = gradient.abs().amax(1)
    largest = maps.amax((1, 2), keepdim=True).clamp(min=torch.finfo(maps.dtype).tiny)
    found: Array = (maps / largest).float().cpu().numpy()
    return found
