"""A small transformer encoder, made of products that can be fused."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from workloads.layers.layers import Dropout
from workloads.models.recurrent.cells import Memory

FORWARD_FACTOR = 4
"""Ratio of the hidden units of a layer's perceptron to its width (Vaswani et al. 2017, arXiv:1706.03762)."""


@dataclass(frozen=True)
class AttentionPlan:
    """Sizes and options of a transformer encoder."""

    width: int
    depth: int
    heads: int
    """Number of attention heads; must divide ``width``."""
    causal: bool
    """Whether a step attends only to itself and to earlier steps."""
    window: int
    """Largest number of steps that it reads at once: those of a training example."""
    dropout: float = 0.0


class Attention(nn.Module):
    """Multi-head attention: each head gives a step the weighted mean of the steps that it attends to."""

    def __init__(self, plan: AttentionPlan) -> None:
        super().__init__()
        self.heads, self.causal = plan.heads, plan.causal
        self.inputs = nn.Linear(plan.width, 3 * plan.width)
        self.output = nn.Linear(plan.width, plan.width)

    def forward(self, x: Tensor, real: Tensor | None = None) -> Tensor:
        """Return the attended steps of ``x``, both (batch, steps, width).

        No step attends to one where ``real`` (batch, steps) is false; of each row the first is true.
        """
        query, key, value = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in self.inputs(x).chunk(3, -1)
        )
        scores = query @ key.mT / math.sqrt(query.shape[-1])
        if self.causal:
            later = torch.ones(scores.shape[-2:], dtype=torch.bool, device=x.device).triu(1)
            scores = scores.masked_fill(later, -math.inf)
        if real is not None:
            scores = scores.masked_fill(~real[:, None, None], -math.inf)
        mixed = (scores.softmax(-1) @ value).transpose(1, 2).flatten(2)
        attended: Tensor = self.output(mixed)
        return attended


class EncoderLayer(nn.Module):
    """Attention, then a perceptron; each reads normalised inputs and is added to its inputs (Xiong et al. 2020)."""

    def __init__(self, plan: AttentionPlan) -> None:
        super().__init__()
        self.attention = nn.Sequential(nn.LayerNorm(plan.width), Attention(plan), Dropout(plan.dropout))
        self.perceptron = nn.Sequential(
            nn.LayerNorm(plan.width),
            nn.Linear(plan.width, FORWARD_FACTOR * plan.width),
            nn.GELU(),
            nn.Linear(FORWARD_FACTOR * plan.width, plan.width),
            Dropout(plan.dropout),
        )

    def forward(self, x: Tensor, real: Tensor | None = None) -> Tensor:
        """Return the layer's output for ``x``, both (batch, steps, width); ``real`` as in ``Attention``."""
        norm, attention, dropout = self.attention
        x = x + dropout(attention(norm(x), real))
        summed: Tensor = x + self.perceptron(x)
        return summed


class Transformer(nn.Module):
    """A linear projection of the inputs with positions added, then ``depth`` encoder layers."""

    def __init__(self, plan: AttentionPlan, num_inputs: int) -> None:
        super().__init__()
        self.plan, self.width = plan, plan.width
        self.project = nn.Linear(num_inputs, plan.width)
        self.layers = nn.Sequential(*(EncoderLayer(plan) for _ in range(plan.depth)), nn.LayerNorm(plan.width))

    def forward(self, x: Tensor, memory: Memory = (), real: Tensor | None = None) -> tuple[Tensor, Memory]:
        """Return outputs (batch, steps, width) for ``x`` (batch, steps, inputs), and the memory for a next part.

        The memory is the last ``window`` inputs, to which the steps of the next part attend. ``real`` (batch,
        steps) is false behind a sequence's end; then there is no memory, and at most ``window`` steps.
        """
        assert real is None or not memory
        seen = torch.cat([*memory, x], 1)[:, -self.plan.window :]
        inputs = self.project(seen)
        outputs = inputs + positions(seen.shape[1], self.width).to(inputs)
        *layers, norm = self.layers
        for layer in layers:
            outputs = layer(outputs, real)
        outputs = norm(outputs)
        return outputs[:, -x.shape[1] :], (seen,)

    def summary(self, outputs: Tensor, real: Tensor | None = None) -> Tensor:
        """Return the last step's output, (batch, width): the last one where ``real`` is true."""
        if real is None:
            return outputs[:, -1]
        last = real.sum(1).view(-1, 1, 1) - 1
        return torch.take_along_dim(outputs, last, 1).squeeze(1)


def positions(num_steps: int, width: int) -> Tensor:
    """Return sines and cosines of the step at wavelengths from 2 pi to 20,000 pi, float64 (steps, width).

    Vaswani et al. 2017, arXiv:1706.03762, section 3.5.
    """
    steps = torch.arange(num_steps, dtype=torch.float64).unsqueeze(1)
    angles = steps / 10_000 ** (torch.arange(0, width, 2, dtype=torch.float64) / width)
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(1)[:, :width]
