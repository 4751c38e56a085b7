"""Activation checkpointing: layers keep their inputs alone for the backward pass, which computes the rest again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint


def recompute(layers: Iterable[nn.Module]) -> None:
    """Have each layer with trainable parameters compute its activations again in the backward pass.

    Chen et al. 2016, arXiv:1604.06174. Values and gradients stay the same: random generators are set back. A layer
    must not change anything when it is called: no cache of keys and values, no running statistics.
    The call itself is replaced, inside the hooks of FSDP, which gathers a layer's weights before either pass.
    """
    for layer in layers:
        if any(parameter.requires_grad for parameter in layer.parameters()):
            layer.forward = _twice(layer.forward)


def _twice(forward: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(forward)
    def recomputed(*args: Any, **kwargs: Any) -> Any:
        if not torch.is_grad_enabled():
            return forward(*args, **kwargs)
        # The older, reentrant way gives no gradient where no input needs one, as behind frozen layers.
        return checkpoint(forward, *args, use_reentrant=False, **kwargs)

    return recomputed
