"""Vectors of words from those of their pieces."""

from __future__ import annotations

import torch
from torch import Tensor


def of_first_pieces(states: Tensor, first: Tensor) -> Tensor:
    """Return the vectors of words (batch, words, features): each is that of the word's first piece.

    ``states`` is (batch, tokens, features), ``first`` (batch, tokens) says which tokens begin a word. Behind the
    last word of a row vectors are 0.
    """
    counts = first.sum(1)
    order = first.logical_not().long().argsort(dim=1, stable=True)[:, : max(1, int(counts.max()))]
    there = torch.arange(order.shape[1], device=first.device) < counts.unsqueeze(1)
    return torch.take_along_dim(states, order.unsqueeze(-1), 1) * there.unsqueeze(-1)
