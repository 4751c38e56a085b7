"""A small transformer encoder out of products that can be fused."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from workloads.layers.layers import Dropout
from workloads.models.recurrent.cells import Memory

FORWARD_FACTOR = 4
"""Units of a layer's perceptron as a multiple of its width (Vaswani et al. 2017)."""


@dataclass(frozen=True)
class AttentionPlan:
    """How a transformer encoder is built."""

    width: int
    depth: int
    heads: int
    """Divides ``width``."""
    causal: bool
    """A step attends to itself and those before it alone."""
    window: int
    """The most steps that it has been trained on, and reads at once."""
    dropout: float = 0.0


class Attention(nn.Module):
    """Every step's mean over the steps it attends to, in ``heads`` projections side by side."""

    def __init__(self, plan: AttentionPlan) -> None:
        super().__init__()
        self.heads, self.causal = plan.heads, plan.causal
        self.inputs = nn.Linear(plan.width, 3 * plan.width)
        self.output = nn.Linear(plan.width, plan.width)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, steps, width) to the same."""
        query, key, value = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in self.inputs(x).chunk(3, -1)
        )
        scores = query @ key.mT / math.sqrt(query.shape[-1])
        if self.causal:
            later = torch.ones(scores.shape[-2:], dtype=torch.bool, device=x.device).triu(1)
            scores = scores.masked_fill(later, -math.inf)
        mixed = (scores.softmax(-1) @ value).transpose(1, 2).flatten(2)
        attended: Tensor = self.output(mixed)
        return attended


class EncoderLayer(nn.Module):
    """Attention, then a perceptron, each on normalised inputs and added to what it read (Xiong et al. 2020)."""

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

    def forward(self, x: Tensor) -> Tensor:
        """(batch, steps, width) to the same."""
        x = x + self.attention(x)
        summed: Tensor = x + self.perceptron(x)
        return summed


class Transformer(nn.Module):
    """``depth`` encoder layers over inputs with their positions added."""

    def __init__(self, plan: AttentionPlan, num_inputs: int) -> None:
        super().__init__()
        self.plan, self.width = plan, plan.width
        self.project = nn.Linear(num_inputs, plan.width)
        self.layers = nn.Sequential(*(EncoderLayer(plan) for _ in range(plan.depth)), nn.LayerNorm(plan.width))

    def forward(self, x: Tensor, memory: Memory = ()) -> tuple[Tensor, Memory]:
        """(batch, steps, inputs) to (batch, steps, width), and the last inputs, which a next part attends to."""
        seen = torch.cat([*memory, x], 1)[:, -self.plan.window :]
        inputs = self.project(seen)
        outputs = self.layers(inputs + positions(seen.shape[1], self.width).to(inputs))
        return outputs[:, -x.shape[1] :], (seen,)

    def summary(self, outputs: Tensor) -> Tensor:
        """The last step's output, (batch, width)."""
        return outputs[:, -1]


def positions(num_steps: int, width: int) -> Tensor:
    """Sines and cosines of the step at wavelengths from 2 pi to 20,000 pi, (steps, width) (Vaswani et al. 2017)."""
    steps = torch.arange(num_steps, dtype=torch.float64).unsqueeze(1)
    angles = steps / 10_000 ** (torch.arange(0, width, 2, dtype=torch.float64) / width)
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(1)[:, :width]
