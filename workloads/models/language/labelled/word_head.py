"""A classifier of each word by its vector."""

from __future__ import annotations

from torch import Tensor, nn

from workloads.layers.layers import Dropout


class WordHead(nn.Module):
    """A linear classifier of each word; where there is none, a vector of zeros, all logits are 0."""

    def __init__(self, num_features: int, num_outputs: int, dropout: float) -> None:
        super().__init__()
        self.dropout = Dropout(dropout)
        self.linear = nn.Linear(num_features, num_outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (..., words, num_outputs) for vectors (..., words, features)."""
        logits: Tensor = self.linear(self.dropout(x))
        return logits * (x != 0).any(-1, keepdim=True)
