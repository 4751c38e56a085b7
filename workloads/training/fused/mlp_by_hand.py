"""Forward and backward pass of a cohort's multilayer perceptrons, written out as batched products.

Autograd would take three times as many operations, each of which costs more than its arithmetic at these sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workloads.layers.activations import ELU, LeakyReLU, Sloped
from workloads.layers.layers import Dropout
from workloads.tasks.by_hand import by_hand
from workloads.training.fused.layout import Layout

aten = torch.ops.aten
Tensors = Mapping[str, Tensor]
Kept = list[Tensor | None]
"""One tensor for each layer, which its backward pass needs of its forward pass; None where nothing is needed."""


@dataclass(frozen=True)
class Rule:
    """An activation and its derivative. ``slope`` is a number, or (members, 1, 1); None for those without one."""

    forward: Callable[[Any, Tensor], Tensor]
    """Function of (slope, x), of the shape of ``x``; may overwrite ``x`` unless ``keeps_input``."""
    backward: Callable[[Any, Tensor, Tensor], Tensor]
    """Function of (slope, gradient at the output, kept tensor) that returns the gradient at the input."""
    keeps_input: bool = False
    """Whether the kept tensor is the layer's input; else it is the output."""


RULES: Mapping[type[nn.Module], Rule] = {
    nn.ReLU: Rule(lambda _, x: x.relu_(), lambda _, g, y: aten.threshold_backward(g, y, 0)),
    nn.GELU: Rule(lambda _, x: F.gelu(x), lambda _, g, x: aten.gelu_backward(g, x), keeps_input=True),
    nn.SiLU: Rule(lambda _, x: F.silu(x), lambda _, g, x: aten.silu_backward(g, x), keeps_input=True),
    nn.Mish: Rule(lambda _, x: F.mish(x), lambda _, g, x: aten.mish_backward(g, x), keeps_input=True),
    nn.Tanh: Rule(lambda _, x: x.tanh_(), lambda _, g, y: aten.tanh_backward(g, y)),
    nn.Sigmoid: Rule(lambda _, x: x.sigmoid_(), lambda _, g, y: aten.sigmoid_backward(g, y)),
    LeakyReLU: Rule(
        lambda slope, x: F.leaky_relu_(x, slope), lambda slope, g, y: aten.leaky_relu_backward(g, y, slope, True)
    ),
    ELU: Rule(lambda slope, x: F.elu_(x, slope), lambda slope, g, y: aten.elu_backward(g, slope, 1, 1, True, y)),
}
VARIED: Mapping[type[nn.Module], Rule] = {
    LeakyReLU: Rule(
        lambda slope, x: torch.where(x > 0, x, slope * x),
        lambda slope, g, y: torch.where(y > 0, g, slope * g),
    ),
    ELU: Rule(
        lambda slope, x: torch.where(x > 0, x, slope * torch.expm1(x.clamp(max=0))),
        lambda slope, g, y: torch.where(y > 0, g, g * (y + slope)),
    ),
}
"""Rules for layers whose slope differs between members."""


def _rule(layer: nn.Module, name: str, buffers: Mapping[str, Tensor]) -> tuple[Rule, Any]:
    if not isinstance(layer, Sloped):
        return RULES[type(layer)], None
    if layer.common is not None:
        return RULES[type(layer)], layer.common
    return VARIED[type(layer)], buffers[f"{name}.slope"].view(-1, 1, 1)


def is_sequence(model: nn.Module) -> bool:
    """Return whether ``model`` is ``Flatten`` and layers that are known here, and written-out gradients are on."""
    if not by_hand():
        return False
    if type(model) is not nn.Sequential or type(model[0]) is not nn.Flatten:
        return False
    return all(type(layer) in (nn.Linear, Dropout, *RULES) for layer in model[1:])


@dataclass(frozen=True)
class Sequenced:
    """The layers after ``Flatten`` by name, and ``views``, which finds a cohort's parameters in its matrix.

    Activations are held as (members, units, batch): all products of both passes then read rows of memory, and the
    classifier's product is four times faster.
    """

    layers: Sequence[tuple[str, nn.Module]]
    views: Callable[[Tensor], dict[str, Tensor]]

    @classmethod
    def of(cls, model: nn.Module) -> Sequenced:
        """Return the sequence of ``model``, of which ``is_sequence`` must be true."""
        return cls(list(model.named_children())[1:], Layout.of(model).views)

    def __call__(self, theta: Tensor, buffers: Tensors, x: Tensor, *, shared: bool) -> Tensor:
        """Return outputs (members, batch, numbers), which autograd can differentiate by ``theta``.

        ``theta`` is (members, parameters); ``x`` is (batch, inputs) if ``shared``, else (members, batch, inputs).
        """
        output: Tensor = _Pass.apply(theta, x, self, buffers, shared)
        return output

    def forward(self, parameters: Tensors, buffers: Tensors, x: Tensor, *, shared: bool) -> tuple[Tensor, Kept]:
        """Return outputs (members, numbers, batch), and tensors for ``backward``; ``x`` is as in ``__call__``."""
        kept: Kept = []
        x = x.mT.expand(len(next(iter(parameters.values()))), *x.mT.shape[-2:])
        for name, layer in self.layers:
            if isinstance(layer, nn.Linear):
                kept.append(x)
                x = _linear(parameters[f"{name}.weight"], parameters.get(f"{name}.bias"), x)
            elif isinstance(layer, Dropout):
                mask = _mask(layer, (buffers[f"{name}.rate"], buffers[f"{name}.kept"]), x, shared=shared)
                kept.append(mask)
                x = x if mask is None else x * mask
            else:
                rule, slope = _rule(layer, name, buffers)
                y = rule.forward(slope, x)
                kept.append(x if rule.keeps_input else y)
                x = y
        return x, kept

    def backward(self, parameters: Tensors, buffers: Tensors, kept: Kept, g: Tensor) -> Tensor:
        """Return the parameters' gradient (members, parameters), given ``g``, the gradient at the outputs."""
        gradients: list[Tensor] = []  # from the last parameter to the first
        for i in range(len(kept) - 1, -1, -1):
            (name, layer), x = self.layers[i], kept[i]
            if x is None:
                continue  # nothing was dropped
            if isinstance(layer, nn.Linear):
                if layer.bias is not None:
                    gradients.append(g.sum(2))
                gradients.append(torch.bmm(g, x.mT).flatten(1))
                g = torch.bmm(parameters[f"{name}.weight"].mT, g) if i > 0 else g
            elif isinstance(layer, Dropout):
                g = g * x
            else:
                rule, slope = _rule(layer, name, buffers)
                g = rule.backward(slope, g, x)
        return torch.cat(gradients[::-1], dim=1)


class _Pass(torch.autograd.Function):
    @staticmethod
    @torch.amp.custom_fwd(device_type="cuda", cast_inputs=torch.float32)  # type: ignore[untyped-decorator]
    def forward(ctx: Any, theta: Tensor, x: Tensor, sequence: Sequenced, buffers: Tensors, shared: bool) -> Tensor:
        ctx.sequence, ctx.buffers = sequence, buffers
        x, ctx.kept = sequence.forward(sequence.views(theta), buffers, x, shared=shared)
        ctx.save_for_backward(theta)
        return x.mT

    @staticmethod
    @torch.amp.custom_bwd(device_type="cuda")  # type: ignore[untyped-decorator]
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None, None]:
        (theta,) = ctx.saved_tensors
        sequence = ctx.sequence
        gradient = sequence.backward(sequence.views(theta), ctx.buffers, ctx.kept, grad.mT)
        return gradient, None, None, None, None


def _linear(weight: Tensor, bias: Tensor | None, x: Tensor) -> Tensor:
    return torch.bmm(weight, x) if bias is None else torch.baddbmm(bias.unsqueeze(2), weight, x)


def _mask(layer: Dropout, shares: tuple[Tensor, Tensor], x: Tensor, *, shared: bool) -> Tensor | None:
    """Return dropout's factor on each unit, (members, units, batch); None where nothing is dropped.

    Members that share mini-batches share the noise, which is that of the plain loop with the same seed.
    """
    if not (layer.training and layer.active):
        return None
    members, units, batch = x.shape
    noise = torch.rand((batch, units) if shared else (members, batch, units), device=x.device).mT.contiguous()
    rate, kept = (share.view(-1, 1, 1) for share in shares)
    # Written straight into numbers, the comparison is ten times faster than one into booleans.
    mask = torch.ge(noise, rate, out=torch.empty_like(x, memory_format=torch.contiguous_format))
    return mask.div_(kept)
