"""A cohort's models as one: parameters stacked along a first dimension of members, and one forward pass for all."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from workloads.layers import ACTIVATIONS, Dropout, drop

Tensors = Mapping[str, Tensor]
Forward = Callable[[Tensors, Tensor], Tensor]


@dataclass(frozen=True)
class Layout:
    """Where each parameter lies in a member's row of the matrix theta (members, parameters)."""

    names: tuple[str, ...]
    shapes: tuple[torch.Size, ...]

    @classmethod
    def of(cls, model: nn.Module) -> Layout:
        """The layout of ``model``'s parameters, in their order."""
        named = dict(model.named_parameters())
        return cls(tuple(named), tuple(p.shape for p in named.values()))

    def views(self, theta: Tensor) -> dict[str, Tensor]:
        """Each parameter as a view (..., *shape) of theta's rows."""
        pieces = torch.split(theta, [shape.numel() for shape in self.shapes], dim=-1)
        named = zip(self.names, pieces, self.shapes, strict=True)
        return {name: piece.view(*theta.shape[:-1], *shape) for name, piece, shape in named}


def rows(models: Sequence[nn.Module]) -> Tensor:
    """Theta: one row of all parameters for each model."""
    return torch.stack([torch.cat([p.detach().reshape(-1) for p in model.parameters()]) for model in models])


def stacked_forward(model: nn.Module, example_dims: int, *, shared: bool) -> Forward:
    """(stacked parameters and buffers, x) -> (members, batch, ...) outputs, in ``model``'s present mode.

    ``x`` is (batch, *example) if ``shared``, else (members, batch, *example). A plain sequence of known layers is
    computed by batched products, about 1.5 times faster than vmap on a CPU; anything else by vmap.
    """
    if isinstance(model, nn.Sequential) and all(_by_hand(layer) for layer in model):
        return partial(_sequence, list(model.named_children()), example_dims)
    skeleton = copy.deepcopy(model).to("meta")

    def one(tensors: Tensors, x: Tensor) -> Tensor:
        output: Tensor = torch.func.functional_call(skeleton, dict(tensors), (x,))
        return output

    randomness = "same" if shared else "different"
    return torch.vmap(one, in_dims=(0, None if shared else 0), randomness=randomness)


def _by_hand(layer: nn.Module) -> bool:
    return type(layer) in (nn.Flatten, nn.Linear, Dropout, *ACTIVATIONS.values())


def _sequence(layers: Sequence[tuple[str, nn.Module]], example_dims: int, tensors: Tensors, x: Tensor) -> Tensor:
    shared = x.dim() == 1 + example_dims
    for name, layer in layers:
        if isinstance(layer, nn.Flatten):
            x = x.flatten(1 if x.dim() == 1 + example_dims else 2)
        elif isinstance(layer, nn.Linear):
            x = _linear(tensors[f"{name}.weight"], tensors.get(f"{name}.bias"), x)
        elif isinstance(layer, Dropout):
            x = _dropout(layer, tensors[f"{name}.rate"], x, shared=shared)
        else:
            x = layer(x)
    return x


def _linear(weight: Tensor, bias: Tensor | None, x: Tensor) -> Tensor:
    if x.dim() == 2:
        x = x.expand(len(weight), *x.shape)
    if bias is None:
        return torch.bmm(x, weight.mT)
    return torch.baddbmm(bias.unsqueeze(1), x, weight.mT)


def _dropout(layer: Dropout, rate: Tensor, x: Tensor, *, shared: bool) -> Tensor:
    """Members that share mini-batches share the noise, as the same seed gives it in the plain loop."""
    if not (layer.training and layer.active):
        return x
    noise = torch.rand(x.shape[-2:] if shared else x.shape, device=x.device)
    return drop(x, rate.view(-1, 1, 1), noise)
