"""Initial weights: torch's own, or drawn again after a model is built, by the same generator of the member's seed.

So they depend on the seed and the hyperparameters alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

NORMAL_STD = 0.02
"""Standard deviation of Radford et al. 2016, arXiv:1511.06434."""


def _he(weight: Tensor) -> object:
    """Normal weights of variance 2 / inputs (He et al. 2015, arXiv:1502.01852)."""
    return nn.init.kaiming_normal_(weight, nonlinearity="relu")


INITS: Mapping[str, Callable[[Tensor], object]] = {
    "he": _he,
    "xavier": nn.init.xavier_uniform_,
    "orthogonal": nn.init.orthogonal_,
    "normal": lambda weight: nn.init.normal_(weight, std=NORMAL_STD),
}


@torch.no_grad()
def initialise(model: nn.Module, hp: Any) -> None:
    """Draw the weight matrices of ``model`` by ``hp.init``, times ``init_gain``; biases beside them become 0.

    Embeddings, scales of norms and learned slopes are not changed, nor anything inside a module with a true
    ``keeps_weights`` (pre-trained ones). Nothing changes with ``init: default``.
    """
    if getattr(hp, "init", "default") == "default":
        return
    for module in _drawn_anew(model):
        matrices = [parameter for parameter in module.parameters(recurse=False) if parameter.dim() >= 2]
        for weight in matrices:
            INITS[hp.init](weight)
            weight.mul_(hp.init_gain)
        bias = getattr(module, "bias", None)
        if matrices and isinstance(bias, nn.Parameter):
            bias.zero_()


def _drawn_anew(module: nn.Module) -> Iterator[nn.Module]:
    if getattr(module, "keeps_weights", False) or isinstance(module, nn.Embedding):
        return
    yield module
    for child in module.children():
        yield from _drawn_anew(child)
