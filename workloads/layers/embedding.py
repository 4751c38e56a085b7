"""Learned embeddings of categories, as the first layer of a model on tables."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Embeddings(nn.Module):
    """Replaces each code by its learned vector: (batch, codes + rest) to (batch, codes x size + rest).

    ``sizes`` are the numbers of values of the first columns, whose codes run from 0. Code -1, for values that the
    training split did not have, has a vector of its own, initially zero.
    """

    offsets: Tensor

    def __init__(self, sizes: Sequence[int], size: int) -> None:
        super().__init__()
        starts = [1 + i + sum(sizes[:i]) for i in range(len(sizes))]
        self.register_buffer("offsets", torch.tensor(starts), persistent=False)
        self.table = nn.Embedding(sum(sizes) + len(sizes), size)
        with torch.no_grad():
            self.table.weight[[start - 1 for start in starts]] = 0

    def forward(self, x: Tensor) -> Tensor:
        """Return (batch, embedded codes + rest) for ``x`` (batch, codes + rest)."""
        num = self.offsets.shape[0]
        vectors = self.table(x[:, :num].long() + self.offsets)
        return torch.cat([vectors.flatten(1), x[:, num:]], dim=1)
