"""Models of sentences: they embed tokens, encode them, and predict from all of them, pooled, or from each."""

from __future__ import annotations

import math

from torch import Tensor, nn

from workloads.layers.layers import Dropout
from workloads.models.recurrent.attention import Transformer
from workloads.models.recurrent.cells import Recurrence
from workloads.models.recurrent.tokens import PADDING

VECTOR_STD = 0.1
"""Deviation of the first vectors: at torch's 1 those of rare words, which are hardly trained, would be noise."""


class TokenVectors(nn.Module):
    """Reads codes of tokens as learned vectors. Padding has no vector to be learned: it is zero."""

    def __init__(self, num_codes: int, width: int, dropout: float) -> None:
        super().__init__()
        self.table = nn.Embedding(num_codes - 1, width)
        nn.init.normal_(self.table.weight, std=VECTOR_STD)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Return vectors (batch, tokens, width) for codes (batch, tokens)."""
        vectors = self.table((x - 1).clamp(min=0)) * (x != PADDING).unsqueeze(-1)
        dropped: Tensor = self.dropout(vectors)
        return dropped


class Pooling(nn.Module):
    """Makes one vector of the outputs of a text's own tokens: padding never counts."""

    def __init__(self, name: str, width: int) -> None:
        super().__init__()
        self.name = name
        self.score = nn.Linear(width, 1) if name == "attention" else None

    def forward(self, outputs: Tensor, real: Tensor) -> Tensor:
        """Return (batch, width) for ``outputs`` (batch, tokens, width); ``real`` (batch, tokens) is no padding."""
        inside = real.unsqueeze(-1)
        if self.name == "max":
            return outputs.masked_fill(~inside, -math.inf).amax(1)
        if self.score is None:
            return (outputs * inside).sum(1) / inside.sum(1)
        shares = self.score(outputs).masked_fill(~inside, -math.inf).softmax(1)
        pooled: Tensor = (outputs * shares).sum(1)
        return pooled


class SentenceModel(nn.Module):
    """Vectors of tokens, encoder, pooling and a linear head; a text has at least one token."""

    def __init__(self, reader: TokenVectors, encoder: Recurrence | Transformer, pooling: str, outputs: int) -> None:
        super().__init__()
        self.reader, self.encoder = reader, encoder
        self.pool = None if pooling == "last" else Pooling(pooling, encoder.width)
        self.head = nn.Linear(encoder.width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Return outputs (batch, outputs) for codes (batch, tokens), whatever padding follows them."""
        real = x != PADDING
        encoded, _ = self.encoder(self.reader(x), real=real)
        pooled = self.encoder.summary(encoded, real) if self.pool is None else self.pool(encoded, real)
        found: Tensor = self.head(pooled)
        return found


class TaggingModel(nn.Module):
    """Vectors of words, encoder, and a linear head on each word's output."""

    def __init__(self, reader: TokenVectors, encoder: Recurrence | Transformer, outputs: int) -> None:
        super().__init__()
        self.reader, self.encoder = reader, encoder
        self.head = nn.Linear(encoder.width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Return outputs (batch, words, outputs) for codes (batch, words), whatever padding follows them."""
        encoded, _ = self.encoder(self.reader(x), real=x != PADDING)
        found: Tensor = self.head(encoded)
        return found
