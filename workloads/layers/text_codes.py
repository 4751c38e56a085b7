"""Texts as codes of their tokens: a matrix of texts to padded codes, by whichever tokenizer a model has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from workloads.arrays import Column
from workloads.data.sentences.describe import rows_of


class Tokenizer(Protocol):
    """Makes codes of texts."""

    def coded(self, rows: Sequence[tuple[str, ...]]) -> list[list[int]]:
        """Return the codes, from 1, of each row of one text or a pair."""


class TextCodes(nn.Module):
    """Converts the matrix of texts (rows, 1 or 2) to codes (rows, tokens), on the CPU: it cannot be exported."""

    def __init__(self, tokens: Tokenizer, columns: Sequence[Column], like: Tensor) -> None:
        super().__init__()
        self.tokens, self.columns, self.like = tokens, columns, like

    def forward(self, x: Tensor) -> Tensor:
        """Return int64 codes on ``like``'s device, 0 behind a text's end; NaN in ``x`` is an empty text."""
        return padded(self.codes(x)).to(self.like.device)

    def codes(self, x: Tensor) -> list[list[int]]:
        """Return the codes of each row, without padding."""
        return self.tokens.coded(rows_of(x.cpu().numpy(), self.columns))

    def of(self, columns: Sequence[Column]) -> TextCodes:
        """Return the same for a matrix of these ``columns``, whose codes may stand for further texts."""
        return TextCodes(self.tokens, columns, self.like)


def padded(rows: Sequence[Sequence[int]]) -> Tensor:
    """Return int64 codes (rows, tokens of the longest row), 0 behind the end of shorter ones."""
    if not rows:
        return torch.zeros(0, 1, dtype=torch.int64)
    return nn.utils.rnn.pad_sequence([torch.tensor(row, dtype=torch.int64) for row in rows], batch_first=True)
