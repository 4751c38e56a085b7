"""Activations by name. Slopes are held in buffers, so that members with different slopes can be fused."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workloads.hyperparameters import Nonlinearity


class Sloped(nn.Module):
    """An activation with a slope, which is a hyperparameter and so not part of the ``state_dict``."""

    slope: Tensor

    def __init__(self, slope: float) -> None:
        super().__init__()
        self.register_buffer("slope", torch.tensor(slope), persistent=False)
        self.common: float | None = slope
        """The slope if all members of the program have the same, which computes faster; else None."""


class LeakyReLU(Sloped):
    """``x`` where it is positive, else ``slope * x``."""

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        if self.common is not None:
            return F.leaky_relu(x, self.common)
        return torch.where(x > 0, x, self.slope.to(x.dtype) * x)


class ELU(Sloped):
    """``x`` where it is positive, else ``slope * (exp(x) - 1)``; ``slope`` is ELU's alpha."""

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        if self.common is not None:
            return F.elu(x, self.common)
        return torch.where(x > 0, x, self.slope.to(x.dtype) * torch.expm1(torch.where(x > 0, 0, x)))


def activation(hp: Nonlinearity) -> nn.Module:
    """Return a new layer of the nonlinearity that ``hp`` names, with its slope."""
    if hp.activation == "leaky_relu":
        return LeakyReLU(hp.negative_slope)
    if hp.activation == "elu":
        return ELU(hp.elu_alpha)
    if hp.activation == "prelu":
        return nn.PReLU(init=hp.prelu_slope)
    return FIXED[hp.activation]()


FIXED: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "swish": nn.SiLU,
    "mish": nn.Mish,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}
"""Activations without a hyperparameter."""


def agree_on_slopes(models: Iterable[nn.Module]) -> None:
    """Set ``common`` in the activations of a program's models: the slope that all share, else None."""
    layers = [[layer for layer in model.modules() if isinstance(layer, Sloped)] for model in models]
    for same in zip(*layers, strict=True):
        numbers = {layer.common for layer in same}
        for layer in same:
            layer.common = layer.common if len(numbers) == 1 else None
