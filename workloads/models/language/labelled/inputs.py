"""Sentences of labelled words on the device: as vectors of a frozen encoder, or as codes of their pieces."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from workloads.data.raw import NOT_COUNTED
from workloads.data.sentences.describe import rows_of
from workloads.layers.frozen_features import ScaledFeatures
from workloads.layers.text_codes import TextCodes
from workloads.models.language.labelled.tokens import num_words, share_cut, word_tokens_of
from workloads.models.language.labelled.vectors import Table, WordVectors, table_of
from workloads.models.language.pretrained import WORDS, Encoder, encoder_of
from workloads.training.batches import ResidentData, tensor

if TYPE_CHECKING:
    from workloads.data.search_data import SearchData
    from workloads.models.language.hyperparameters import LanguageHyperparameters


def labelled_words(
    hp: LanguageHyperparameters, search: SearchData, device: torch.device, dtype: torch.dtype
) -> ResidentData:
    """Return both splits as vectors, from the cache if any sweep has computed them, or as codes of pieces.

    Training targets are those of the words that are read; of validation all count, read or not.
    """
    like = torch.empty(0, dtype=dtype, device=device)
    coded = TextCodes(word_tokens_of(hp.model, hp.max_length), search.train.columns, like)
    y_train, y_val = (tensor(part.y).to(device) for part in (search.train, search.val))
    x_train, x_val = (tensor(part.x) for part in (search.train, search.val))
    if hp.mode != "features":
        x_train, x_val = coded(x_train), coded(x_val)
        shape = replace(search.shape(), example=tuple(x_train.shape[1:]))
        y_train = _read(y_train, num_words(x_train))
        return ResidentData(x_train, y_train, x_val, y_val, shape, coded, dtype, ready=True, padded=True)
    vectors = _vectors(coded, words_encoder(hp).to(device).requires_grad_(False), x_train)
    y_train = _read(y_train, vectors.table.counts[x_train[:, 0].long().to(device)])
    shape = replace(search.shape(), example=(y_train.shape[1], vectors.encoder.num_features))
    x_train, x_val = x_train.to(device), x_val.to(device)
    return ResidentData(x_train, y_train, x_val, y_val, shape, vectors, dtype, ready=False)


def words_encoder(hp: LanguageHyperparameters) -> Encoder:
    """Return the encoder, which gives a vector of each word. Raises Infeasible as ``encoder_of`` does."""
    encoder = encoder_of(hp)
    encoder.pooling = WORDS
    return encoder


def _vectors(coded: TextCodes, encoder: Encoder, x_train: Tensor) -> WordVectors:
    """Return the vectors of the search's sentences, scaled by those of the training split's words."""
    found = table_of(coded, encoder, coded.columns[0].values, kept=True)
    of_train = torch.zeros(len(found.counts), dtype=torch.bool)
    of_train[x_train[:, 0].long()] = True
    scaled = ScaledFeatures(found.vectors[of_train.to(found.counts.device).repeat_interleave(found.counts)])
    return WordVectors(coded, encoder, scaled, Table(scaled(found.vectors), found.counts), kept=True)


def _read(y: Tensor, counts: Tensor) -> Tensor:
    """Return targets without those of words that are not read."""
    return y.masked_fill(torch.arange(y.shape[1], device=y.device) >= counts.unsqueeze(1), NOT_COUNTED)


def told_of_cut_words(hp: LanguageHyperparameters, search: SearchData) -> str | None:
    """Return how many words of the training split are cut, if any."""
    rows = rows_of(search.train.x, search.train.columns)
    share = share_cut(rows, word_tokens_of(hp.model, hp.max_length).coded(rows))
    told = (
        f"max_length: {hp.max_length} cuts {share:.1%} of the training words, which count as wrong where they are"
    )
    return f"{told} scored" if share else None
