"""A pre-trained network without its weights: what does not fit is found before a sweep starts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch import nn

from workloads.arrays import DataShape, Infeasible
from workloads.data.sentences.describe import rows_of
from workloads.layers.frozen_features import head
from workloads.models.language.causal.check import CAUSAL
from workloads.models.language.causal.inputs import cut
from workloads.models.language.fit import tokenizer_fault
from workloads.models.language.folder import NONE
from workloads.models.language.labelled.inputs import told_of_cut_words
from workloads.models.language.pretrained import encoder_of, tokens_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from workloads.data.search_data import SearchData
    from workloads.models.language.hyperparameters import LanguageHyperparameters

Build: TypeAlias = "Callable[[LanguageHyperparameters, DataShape], nn.Module]"
MANY = 2000
"""Texts whose lengths are looked at."""


def outline(hp: LanguageHyperparameters, shape: DataShape, build: Build) -> nn.Module:
    """Return what is in memory as ``hp`` is trained, by ``build``, on the meta device: without weights.

    Raises Infeasible where weights or tokenizer do not fit the model's configuration; of weights their names
    and shapes alone are read.
    """
    with torch.device("meta"):
        if hp.mode == "features":
            encoder = encoder_of(hp).requires_grad_(False)
            net: nn.Module = nn.ModuleList([encoder, head(encoder.num_features, shape.num_outputs, hp.dropout)])
        else:
            net = build(hp, shape)
    if hp.model != NONE:
        _check_tokenizer(hp, net)
    return net


def _check_tokenizer(hp: LanguageHyperparameters, net: nn.Module) -> None:
    inner: Any = next(module for module in net.modules() if hasattr(module, "get_input_embeddings"))
    table = inner.get_input_embeddings()
    tokenizer = tokens_of(hp.model, hp.max_length).tokenizer
    if fault := tokenizer_fault(tokenizer, inner.config, table.num_embeddings):
        raise Infeasible(
            f"parameters.model: {hp.model!r}: its tokenizer is that of another model: {fault}: put that which "
            "the model was trained with into its folder"
        )


def told_first(hp: LanguageHyperparameters, search: SearchData, build: Build) -> str | None:
    """Return how many texts are cut, if any. Raises Infeasible as ``outline`` does."""
    outline(hp, search.shape(), build)
    if search.problem in CAUSAL:
        return cut(hp, search)
    if not search.sentences:
        return None
    if search.problem == "tagging":
        return told_of_cut_words(hp, search)
    part = search.train
    step = -(-len(part) // MANY)
    rows = rows_of(part.x[::step], part.columns)
    lengths = [len(codes) for codes in tokens_of(hp.model, hp.max_length + 1).coded(rows)]
    share = sum(length > hp.max_length for length in lengths) / max(1, len(lengths))
    about = "about " if step > 1 else ""
    return f"max_length: {hp.max_length} cuts {about}{share:.1%} of the training texts" if share else None
