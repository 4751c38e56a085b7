"""Texts that are classified or scored on the device, as codes of their tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from workloads.arrays import Column
from workloads.data.sentences.describe import rows_of
from workloads.models.recurrent.tokens import PADDING, Tokens, learned
from workloads.training.batches import ResidentData, standardised, tensor

if TYPE_CHECKING:
    from workloads.data.search_data import SearchData


def sentences(hp: Any, search: SearchData, device: torch.device, dtype: torch.dtype) -> ResidentData:
    """Return both splits on ``device`` as int64 codes (rows, tokens), 0 behind a text's end.

    The vocabulary is of the training split alone. Raises Infeasible for subwords where their library is missing.
    """
    tokens, rows = learned_on(hp, search)
    x_train = padded(tokens.coded(rows)).to(device)
    prepare = PrepareSentences(tokens, search.train.columns, torch.empty(0, dtype=dtype, device=device))
    shape = replace(search.shape(), example=tuple(x_train.shape[1:]), num_tokens=tokens.num_codes)
    y_train, y_val = (standardised(tensor(part.y).to(device), shape) for part in (search.train, search.val))
    x_val = prepare(tensor(search.val.x))
    return ResidentData(x_train, y_train, x_val, y_val, shape, prepare, dtype, ready=True, padded=True)


def learned_on(hp: Any, search: SearchData) -> tuple[Tokens, list[tuple[str, ...]]]:
    """Return the vocabulary as ``hp`` has it, and the training texts, one or two a row."""
    rows = rows_of(search.train.x, search.train.columns)
    texts = (text for row in rows for text in row)
    return learned(texts, hp.tokenizer, hp.vocabulary, hp.max_length), rows


class PrepareSentences(nn.Module):
    """Converts the matrix of texts (rows, columns) to codes (rows, tokens), on the CPU: it cannot be exported."""

    def __init__(self, tokens: Tokens, columns: Sequence[Column], like: Tensor) -> None:
        super().__init__()
        self.tokens, self.columns, self.like = tokens, columns, like

    def forward(self, x: Tensor) -> Tensor:
        """Return int64 codes on ``like``'s device, 0 behind a text's end; NaN in ``x`` is an empty text."""
        return padded(self.tokens.coded(rows_of(x.cpu().numpy(), self.columns))).to(self.like.device)

    def of(self, columns: Sequence[Column]) -> PrepareSentences:
        """Return the same for a matrix of these ``columns``, whose codes may stand for further texts."""
        return PrepareSentences(self.tokens, columns, self.like)


def padded(rows: Sequence[Sequence[int]]) -> Tensor:
    """Return int64 codes (rows, tokens of the longest row), 0 behind the end of shorter ones."""
    if not rows:
        return torch.zeros(0, 1, dtype=torch.int64)
    return nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=PADDING)
