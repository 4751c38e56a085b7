"""One forward pass for all models of a cohort, whose parameters are stacked along a first dimension of members."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from workloads.layers.layers import is_batch_norm
from workloads.training.fused.layout import Layout, shared_names
from workloads.training.fused.mlp_by_hand import Sequenced, Tensors, is_sequence

Forward = Callable[[Tensor, Tensors, Tensor], Tensor]
"""Function of (parameters (members, parameters), stacked buffers, x) that returns outputs (members, batch, ...)."""


def stacked_forward(model: nn.Module, example_dims: int, *, shared: bool, one_noise: bool = False) -> Forward:
    """Return the forward pass of all members, in ``model``'s present mode.

    ``x`` is (batch, *example) if ``shared``, else (members, batch, *example). Members draw the same noise if
    ``shared`` or, but for plain sequences, ``one_noise``. A plain sequence of known layers is
    computed by batched products, several times faster than vmap on a CPU; anything else by vmap.
    """
    if is_sequence(model):
        sequence = Sequenced.of(model)
        return lambda theta, buffers, x: _sequence(sequence, theta, buffers, x, example_dims)
    layout, shared_ones = Layout.of(model), shared_names(model)
    skeleton = copy.deepcopy(model).to("meta")
    for module in skeleton.modules():
        if is_batch_norm(module):
            module.register_forward_pre_hook(_widened)
            module.register_forward_hook(_narrowed)

    def one(tensors: Tensors, x: Tensor) -> Tensor:
        further = {name: tensors[first] for name, first in shared_ones.items()}  # the copy's are not shared
        output: Tensor = torch.func.functional_call(skeleton, {**tensors, **further}, (x,))
        return output

    randomness = "same" if shared or one_noise else "different"
    fused = torch.vmap(one, in_dims=(0, None if shared else 0), randomness=randomness)
    return lambda theta, buffers, x: fused({**layout.views(theta), **buffers}, x)


def _widened(norm: nn.Module, inputs: tuple[Tensor]) -> tuple[Tensor]:
    """Cast batch norm's input to its statistics' dtype, as vmap's rule needs it and torch's own kernels do not."""
    return (inputs[0].to(norm.running_mean.dtype) if isinstance(norm.running_mean, Tensor) else inputs[0],)


def _narrowed(norm: nn.Module, inputs: tuple[Tensor], output: Tensor) -> Tensor:
    device = output.device.type
    return output.to(torch.get_autocast_dtype(device)) if torch.is_autocast_enabled(device) else output


def _sequence(sequence: Sequenced, theta: Tensor, buffers: Tensors, x: Tensor, example_dims: int) -> Tensor:
    shared = x.dim() == 1 + example_dims
    return sequence(theta, buffers, x.flatten(1 if shared else 2), shared=shared)
