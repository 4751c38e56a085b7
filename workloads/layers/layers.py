"""Layers that can be fused: a dropout with a rate for each member, and preprocessing; which are batch norm."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from workloads.data.statistics import Statistics


class Dropout(nn.Module):
    """Dropout with its rate in buffers, so that each member of a stacked model has its own.

    The noise is one uniform number per unit, drawn from torch's global generator and compared with the rate:
    members that share a seed see the same noise, whatever their rates (common random numbers). The rate belongs
    to the hyperparameters, not to the weights, so it is not part of the ``state_dict``.
    """

    rate: Tensor
    kept: Tensor
    """1 - rate, kept so that no step computes it again."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.register_buffer("rate", torch.tensor(rate), persistent=False)
        self.register_buffer("kept", torch.tensor(1 - rate), persistent=False)
        self.active = rate > 0
        """False where no member of the program has dropout: then no noise is drawn."""

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` with units dropped and the others divided by 1 - rate; in evaluation ``x`` itself."""
        if not (self.training and self.active):
            return x
        noise = torch.rand(x.shape, device=x.device)
        return x * ((noise >= self.rate).to(x.dtype) / self.kept.to(x.dtype))


def is_batch_norm(module: nn.Module) -> bool:
    """Return whether a layer is batch norm of any kind, also a user's subclass of PyTorch's."""
    return isinstance(module, nn.modules.batchnorm._BatchNorm)


def activate_dropout(models: Iterable[nn.Module]) -> None:
    """Make all dropouts of a program's models draw noise, or none, so that equal seeds always see equal noise."""
    layers = [layer for model in models for layer in model.modules() if isinstance(layer, Dropout)]
    active = any(layer.active for layer in layers)
    for layer in layers:
        layer.active = active


class Preprocess(nn.Module):
    """Converts raw features to the model's inputs: missing values become ``fill``, then ``(x - mean) / std``.

    Tables are computed in their own precision, as large numbers with a small spread need it, and then cast.
    """

    fill: Tensor
    mean: Tensor
    std: Tensor

    def __init__(self, statistics: Statistics, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.dtype = dtype
        for name in ("fill", "mean", "std"):
            self.register_buffer(name, torch.tensor(getattr(statistics, name), dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        """Return the inputs, of the shape of ``x`` and in the model's dtype."""
        x = torch.where(torch.isnan(x), self.fill.to(x.dtype), x) if x.is_floating_point() else x.to(self.dtype)
        return ((x - self.mean.to(x.dtype)) / self.std.to(x.dtype)).to(self.dtype)
