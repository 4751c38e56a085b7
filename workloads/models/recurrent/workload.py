"""Sequences read step by step: recurrent cells, or a small transformer encoder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from search_spaces.space.hyperparameters import hyper
from workloads.arrays import DataShape, Infeasible
from workloads.contract import Workload
from workloads.hyperparameters import Training
from workloads.training.default_inputs import default_data

if TYPE_CHECKING:
    from torch import device, dtype, nn

    from workloads.data.search_data import SearchData
    from workloads.models.recurrent.attention import Transformer
    from workloads.models.recurrent.cells import Recurrence
    from workloads.training.batches import ResidentData
    from workloads.training.setup import Setup

_of_texts = partial(hyper, shapes=True, kinds=("sentences",))
CELL_NAMES = ("rnn", "lstm", "gru", "transformer")
TOKENIZER_NAMES = ("words", "characters", "subwords")
POOLING_NAMES = ("last", "mean", "max", "attention")
"""Ways from all tokens' outputs to one vector; ``attention`` weighs them by a learned score of each."""


@dataclass(frozen=True, kw_only=True)
class RecurrentHyperparameters(Training):
    """Hyperparameters of a recurrent network or transformer and its training."""

    cell: str = hyper("lstm", "kind of recurrent cell, or a transformer", choices=CELL_NAMES, shapes=True)
    depth: int = hyper(1, "number of layers", low=1, high=16, shapes=True)
    width: int = hyper(64, "size of each layer's hidden state, per direction", low=1, high=8192, shapes=True)
    bidirectional: bool = hyper(
        False, "read the sequence in both directions; a transformer then also attends to later steps", shapes=True
    )
    heads: int = hyper(
        4,
        "transformer: number of attention heads, which must divide width",
        low=1,
        high=64,
        shapes=True,
        when={"cell": ("transformer",)},
    )
    dropout: float = hyper(0.0, "dropout rate of each layer's outputs", low=0, high=1, high_open=True)
    bptt: int = hyper(
        0,
        "truncated backpropagation through time: number of steps; 0: the whole sequence",
        low=0,
        shapes=True,
        kinds=("image", "table", "text", "series"),
        when={"cell": ("rnn", "lstm", "gru")},
    )
    relative: bool = hyper(
        True,
        "predict the change from the last observed value instead of the value itself",
        shapes=True,
        kinds=("series",),
    )
    tokenizer: str = _of_texts(
        "words",
        "tokens of a text; subwords: byte pairs, which need the extra language",
        choices=TOKENIZER_NAMES,
        prepares=True,
    )
    vocabulary: int = _of_texts(
        10_000,
        "tokens that are kept, the most frequent of the training texts; all others are one unknown token, labelled "
        "words have codes of their forms",
        low=1,
        high=1_000_000,
        prepares=True,
        kinds=("sentences", "tagged"),
    )
    max_length: int = _of_texts(
        128, "tokens of a text, or of both of a pair; longer ones are cut", low=3, high=100_000, prepares=True
    )
    pooling: str = _of_texts(
        "mean", "one vector of all tokens' outputs; attention: their learned weights", choices=POOLING_NAMES
    )


def build(hp: RecurrentHyperparameters, shape: DataShape) -> nn.Module:
    """Return a model from images, tables, series or sentences to (batch, num_outputs), or from texts and sentences
    of labelled words (batch, steps) to (batch, steps, num_outputs).

    A step is an image's row, a table's column, a series' time, a text's character, or a sentence's token. Raises
    Infeasible as ``check`` does.
    """
    from torch import nn

    from workloads.models.recurrent.network import Characters, SequenceModel, Steps  # 1,200 ms: torch

    check(hp, shape)
    if shape.num_tokens:
        return _of_sentences(hp, shape)
    text = shape.problem == "language"
    reader = Characters(shape.num_outputs, hp.width) if text else Steps()
    encoder = _encoder(hp, shape, hp.width if text else Steps.num_inputs(shape.example))
    head = nn.Linear(encoder.width, shape.num_outputs)
    model = SequenceModel(reader, encoder, head, shape.problem)
    model.relative = hp.relative and shape.problem == "forecast"
    return model


def _of_sentences(hp: RecurrentHyperparameters, shape: DataShape) -> nn.Module:
    from workloads.data.tagged.conll_file import MAX_WORDS  # 100 ms: NumPy
    from workloads.models.recurrent.sentence_model import (
        SentenceModel,
        TaggingModel,
        TokenVectors,
    )  # 1,200 ms: torch

    reader = TokenVectors(shape.num_tokens, hp.width, hp.dropout)
    if shape.problem == "tagging":
        return TaggingModel(reader, _encoder(hp, replace(shape, example=(MAX_WORDS,)), hp.width), shape.num_outputs)
    encoder = _encoder(hp, replace(shape, example=(hp.max_length,)), hp.width)
    return SentenceModel(reader, encoder, hp.pooling, shape.num_outputs)


def _encoder(hp: RecurrentHyperparameters, shape: DataShape, num_inputs: int) -> Recurrence | Transformer:
    from workloads.models.recurrent.attention import AttentionPlan, Transformer  # 1,200 ms: torch
    from workloads.models.recurrent.cells import CellPlan, Recurrence  # 1,200 ms: torch

    if hp.cell != "transformer":
        return Recurrence(CellPlan(hp.cell, hp.width, hp.depth, hp.bidirectional, hp.dropout, hp.bptt), num_inputs)
    num_steps = shape.example[-2] if len(shape.example) > 1 else shape.example[0]
    causal = not hp.bidirectional
    return Transformer(AttentionPlan(hp.width, hp.depth, hp.heads, causal, num_steps, hp.dropout), num_inputs)


def check(hp: RecurrentHyperparameters, shape: DataShape) -> None:
    """Raise Infeasible for models that would read what they predict, and for sizes that do not fit each other."""
    if hp.bidirectional and shape.problem in ("language", "forecast"):
        what = "text" if shape.problem == "language" else "series"
        raise Infeasible(f"bidirectional must be false for a {what}: what comes next must not be read")
    if hp.cell == "transformer" and hp.width % hp.heads:
        raise Infeasible(f"the attention layers' {hp.heads} heads must divide their width {hp.width}")
    if hp.class_weights != "none" and shape.problem != "classification":
        raise Infeasible(f"class_weights must be none: there are no classes in a {shape.problem}")


def inputs(hp: RecurrentHyperparameters, search: SearchData, device: device, dtype: dtype) -> ResidentData:
    """Return both splits on the device: sentences as codes of their tokens, other data as most workloads have them.

    Raises Infeasible for subwords where their library is missing.
    """
    if not search.sentences:
        return default_data(hp, search, device, dtype)
    from workloads.models.recurrent.sentence_inputs import sentences  # 1,200 ms: torch

    return sentences(hp, search, device, dtype)


def told_first(hp: RecurrentHyperparameters, search: SearchData) -> str | None:
    """Return how many texts are cut, if any; raise Infeasible for subwords that cannot be learned."""
    if not search.sentences or search.problem == "tagging":
        return None
    from workloads.data.sentences.describe import rows_of  # 100 ms: NumPy
    from workloads.models.recurrent.tokens import learned  # 100 ms: NumPy

    rows = rows_of(search.train.x, search.train.columns)
    texts = (text for row in rows for text in row)
    share = learned(texts, hp.tokenizer, hp.vocabulary, hp.max_length).share_cut(rows)
    return f"max_length: {hp.max_length} cuts {share:.1%} of the training texts" if share else None


def exhibit(setup: Setup, model: nn.Module, epoch: int) -> Mapping[str, bytes]:
    """Return a text that a language model writes after the first window of the validation part; else nothing."""
    if setup.data.shape.problem != "language":
        return {}
    from workloads.models.recurrent.sample_text import sample  # 1,200 ms: torch

    return {f"samples/epoch_{epoch:04d}.txt": sample(setup.data, model).encode()}


RECURRENT = Workload(
    name="recurrent",
    summary="recurrent network or transformer for texts, sentences, series, and images or tables as sequences",
    hyperparameters=RecurrentHyperparameters,
    space={
        "lr": {"min": 1e-3, "max": 3e-2, "log": True},
        "batch_size": {"values": [32, 64]},
        "cell": {"values": ["lstm", "gru"]},
        "width": {"values": [32, 64, 128]},
        "dropout": {"min": 0.0, "max": 0.5},
    },
    problems={
        "image": ("classification",),
        "table": ("classification", "regression"),
        "text": ("language",),
        "series": ("forecast",),
        "sentences": ("classification", "regression"),
        "tagged": ("tagging",),
    },
    build=build,
    check=check,
    tryout=told_first,
    data=inputs,
    by_row=True,
    exhibit=exhibit,
    recordable=True,
)
