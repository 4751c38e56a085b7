"""A cohort's parameters as the rows of one matrix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Layout:
    """Position of each parameter in a member's row of the matrix theta (members, parameters).

    The order is that of ``torch.nn.utils.parameters_to_vector``.
    """

    shapes: Mapping[str, torch.Size]

    @classmethod
    def of(cls, model: nn.Module) -> Layout:
        """Return the layout of ``model``'s parameters."""
        return cls({name: parameter.shape for name, parameter in model.named_parameters()})

    def views(self, theta: Tensor) -> dict[str, Tensor]:
        """Return each parameter (..., *shape) as a view of theta, whose last dimension is a row."""
        pieces = torch.split(theta, [shape.numel() for shape in self.shapes.values()], dim=-1)
        named = zip(self.shapes.items(), pieces, strict=True)
        return {name: piece.view(*theta.shape[:-1], *shape) for (name, shape), piece in named}


def shared_names(model: nn.Module) -> dict[str, str]:
    """Return each further name of a parameter or buffer that several layers share, with its first name."""
    named = chain(model.named_parameters(remove_duplicate=False), model.named_buffers(remove_duplicate=False))
    first: dict[int, str] = {}
    return {name: known for name, tensor in named if (known := first.setdefault(id(tensor), name)) != name}
