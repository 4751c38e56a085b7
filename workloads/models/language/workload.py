"""Sentences to classes or numbers by pre-trained encoders, and texts continued by pre-trained causal models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workloads.arrays import DataShape, Infeasible
from workloads.contract import Workload
from workloads.models.language.causal.check import CAUSAL, check_causal
from workloads.models.language.folder import NONE, SMALL_LAYERS, SMALL_POSITIONS, check_folder, to_fetch
from workloads.models.language.hyperparameters import LanguageHyperparameters
from workloads.models.language.options import check_attention
from workloads.training.default_inputs import default_task

if TYPE_CHECKING:
    from torch import device, dtype, nn

    from workloads.data.search_data import SearchData
    from workloads.memory_need import MemoryNeed
    from workloads.tasks.contract import Task
    from workloads.training.batches import ResidentData
    from workloads.training.setup import Setup


def check(hp: LanguageHyperparameters, shape: DataShape) -> None:
    """Raise Infeasible for a model that cannot be used, which may download it; the weights are not loaded."""
    check_attention(hp)
    if shape.problem in CAUSAL:
        check_causal(hp)
        return
    if hp.model != NONE:
        config = check_folder(hp.model, hp.max_length)
        _check_layers(hp, int(config.get("num_hidden_layers") or config.get("n_layers") or 0))
        return
    _check_layers(hp, SMALL_LAYERS)
    if hp.max_length > SMALL_POSITIONS:
        raise Infeasible(f"parameters.max_length: must be at most {SMALL_POSITIONS} for model none")


def _check_layers(hp: LanguageHyperparameters, num_layers: int) -> None:
    if num_layers and hp.skipped_layers >= num_layers:
        raise Infeasible(f"parameters.skipped_layers: must be below {num_layers}, the layers of {hp.model!r}")
    left = num_layers - hp.skipped_layers
    if num_layers and hp.pooled_layers > left + 1:
        raise Infeasible(
            f"parameters.pooled_layers: must be at most {left + 1}, the layers of {hp.model!r} and its embeddings"
        )
    if num_layers and hp.mode == "last_layers" and hp.trained_layers > left:
        raise Infeasible(f"parameters.trained_layers: must be at most {left}, the layers of {hp.model!r}")


def build(hp: LanguageHyperparameters, shape: DataShape) -> nn.Module:
    """Return a network to logits, from vectors of texts or words, or from codes of tokens for the other modes.

    A causal model's goes from rows of tokens to sums (batch, 5), as ``tasks.next_tokens`` takes them.
    """
    from workloads.layers.frozen_features import head  # 1,200 ms: torch
    from workloads.models.language.causal.tuned import TunedDecoder  # 1,200 ms: torch
    from workloads.models.language.labelled.word_head import WordHead  # 1,200 ms: torch
    from workloads.models.language.tuned import TunedEncoder  # 1,200 ms: torch

    if shape.problem in CAUSAL:
        return TunedDecoder(hp)
    if hp.mode == "features":
        classifier = WordHead if shape.problem == "tagging" else head
        return classifier(shape.example[-1], shape.num_outputs, hp.dropout)
    return TunedEncoder(hp, shape)


def data(hp: LanguageHyperparameters, search: SearchData, device: device, dtype: dtype) -> ResidentData:
    """Return the vectors of all texts, computed once for all trials; codes of tokens for the other modes."""
    from workloads.models.language.causal.inputs import continued  # 1,200 ms: torch
    from workloads.models.language.inputs import texts  # 1,200 ms: torch
    from workloads.models.language.labelled.inputs import labelled_words  # 1,200 ms: torch

    check(hp, search.shape())
    if search.problem in CAUSAL:
        return continued(hp, search, device, dtype)
    return (labelled_words if search.problem == "tagging" else texts)(hp, search, device, dtype)


def task(shape: DataShape, objective: str) -> Task:
    """Return the task of a causal model, or that of the data's problem."""
    from workloads.tasks.next_tokens import NextTokens  # 1,100 ms: torch

    return NextTokens(shape.targets_each) if shape.problem in CAUSAL else default_task(shape, objective)


def exhibit(setup: Setup, model: nn.Module, epoch: int) -> Mapping[str, bytes]:
    """Return how a causal model continues the first validation text; nothing for other models."""
    if setup.data.shape.problem not in CAUSAL:
        return {}
    from workloads.models.language.causal.sample import sample  # 1,200 ms: torch

    return {f"samples/epoch_{epoch:04d}.txt": sample(setup.data, model).encode()}


def told_first(hp: LanguageHyperparameters, search: SearchData) -> str | None:
    """Return how many texts are cut, if any; raise Infeasible where weights or tokenizer do not fit."""
    from workloads.models.language.outline import told_first  # 1,200 ms: torch

    return told_first(hp, search, build)


def memory(hp: LanguageHyperparameters, shape: DataShape, gpu: bool) -> list[MemoryNeed]:
    """Return what a training needs. Raises Infeasible where the model cannot be used; reads no weights."""
    from workloads.models.language.memory import memory  # 4,000 ms: torch and transformers

    check(hp, shape)
    return memory(hp, shape, gpu, build)


def fuses(hp: Any) -> bool:
    """Return whether members are fused: classifiers on fixed features are, encoders are not."""
    return bool(hp.mode == "features")


LANGUAGE = Workload(
    name="language",
    summary="pre-trained text encoders (BERT and its like), fixed or fine-tuned; causal models (GPT and its like)",
    hyperparameters=LanguageHyperparameters,
    space={
        "lr": {"min": 1e-4, "max": 3e-2, "log": True},
        "batch_size": {"values": [32, 64]},
        "weight_decay": {"min": 1e-6, "max": 1e-1, "log": True},
    },
    unread={"window": "a text is divided by parameters.max_length, a number of tokens"},
    init_values={"model": NONE},
    init_values_on={key: {"mode": "full"} for key in ("text", "completions")},
    problems={
        "sentences": ("classification", "regression"),
        "text": ("language",),
        "tagged": ("tagging",),
        "completions": ("completion",),
    },
    build=build,
    task=task,
    exhibit=exhibit,
    check=check,
    tryout=told_first,
    memory=memory,
    to_fetch=lambda hp: to_fetch(hp.model),
    fusable=fuses,
    half=True,
    data=data,
    streams=False,
    champion="workloads.champion.language_model",
    champions=dict.fromkeys(CAUSAL, "workloads.champion.causal.continuations"),
)
