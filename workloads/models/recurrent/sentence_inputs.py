"""Texts that are classified or scored, and sentences of labelled words, on the device as codes of their tokens."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from workloads.data.sentences.describe import rows_of
from workloads.layers.text_codes import TextCodes, padded
from workloads.models.recurrent.tokens import Tokens, learned
from workloads.models.recurrent.words import Words, learned_words
from workloads.training.batches import ResidentData, standardised, tensor

if TYPE_CHECKING:
    from workloads.data.search_data import SearchData


def sentences(hp: Any, search: SearchData, device: torch.device, dtype: torch.dtype) -> ResidentData:
    """Return both splits on ``device`` as int64 codes (rows, tokens), 0 behind a text's end.

    The vocabulary is of the training split alone. Raises Infeasible for subwords where their library is missing.
    """
    tokens, rows = words_of(hp, search) if search.problem == "tagging" else learned_on(hp, search)
    x_train = padded(tokens.coded(rows)).to(device)
    prepare = TextCodes(tokens, search.train.columns, torch.empty(0, dtype=dtype, device=device))
    shape = replace(search.shape(), example=tuple(x_train.shape[1:]), num_tokens=tokens.num_codes)
    y_train, y_val = (standardised(tensor(part.y).to(device), shape) for part in (search.train, search.val))
    x_val = prepare(tensor(search.val.x))
    return ResidentData(x_train, y_train, x_val, y_val, shape, prepare, dtype, ready=True, padded=True)


def learned_on(hp: Any, search: SearchData) -> tuple[Tokens, list[tuple[str, ...]]]:
    """Return the vocabulary as ``hp`` has it, and the training texts, one or two a row."""
    rows = rows_of(search.train.x, search.train.columns)
    texts = (text for row in rows for text in row)
    return learned(texts, hp.tokenizer, hp.vocabulary, hp.max_length), rows


def words_of(hp: Any, search: SearchData) -> tuple[Words, list[tuple[str, ...]]]:
    """Return the vocabulary of labelled words as ``hp`` has it, and the training sentences."""
    rows = rows_of(search.train.x, search.train.columns)
    return learned_words((text for (text,) in rows), hp.vocabulary), rows
