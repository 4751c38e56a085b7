"""What stands behind a frozen network: scaling of its features, and a linear classifier on them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from workloads.layers.layers import Dropout

SMALLEST_SPREAD = 1e-6


class ScaledFeatures(nn.Module):
    """Scales features to mean 0 and deviation 1 over the training split; one that hardly varies is only centred."""

    mean: Tensor
    std: Tensor

    def __init__(self, x: Tensor) -> None:
        super().__init__()
        std = x.std(0, correction=0)
        self.register_buffer("mean", x.mean(0))
        self.register_buffer("std", torch.where(std > SMALLEST_SPREAD, std, 1.0))

    def forward(self, x: Tensor) -> Tensor:
        """Return scaled features, (batch, features) as ``x``."""
        return (x - self.mean) / self.std


def head(num_features: int, num_outputs: int, dropout: float) -> nn.Module:
    """Return a linear classifier on features: a plain sequence of layers, so that cohorts can be fused."""
    return nn.Sequential(nn.Flatten(), Dropout(dropout), nn.Linear(num_features, num_outputs))
