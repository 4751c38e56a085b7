"""Memory that the training of a pre-trained network takes, computed from its outline."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from workloads.arrays import DataShape
from workloads.memory_need import MemoryNeed
from workloads.models.language.inputs import AT_ONCE
from workloads.models.language.outline import Build, outline
from workloads.training.optimizers import torch_optimizer

if TYPE_CHECKING:
    from workloads.models.language.hyperparameters import LanguageHyperparameters

LABELS = {"features": "of a classifier on fixed features", "last_layers": "of the last layers", "full": "in full"}
KEPT, KEPT_WIDE, KEPT_SCORES = 14, 2, 4
"""Numbers of a token that a layer keeps for its gradients: as multiples of the hidden size, of the intermediate
size, and of heads times tokens where attention is written out, as on a CPU. Measured on a BERT."""
AT_WORK = 3
"""Layers' worth of numbers in memory as one is computed again and differentiated (activation checkpointing)."""
KEPT_OUTPUTS = 2
"""Numbers of a token, as multiples of the vocabulary, that a causal model's loss keeps."""


def memory(hp: LanguageHyperparameters, shape: DataShape, gpu: bool, build: Build) -> list[MemoryNeed]:
    """Return what training needs as ``hp`` says, and beside a training of more weights what lora needs."""
    wanted = [hp]
    if hp.mode in ("full", "last_layers") and find_spec("peft"):
        wanted.append(replace(hp, mode="lora"))
    return [_need(one, outline(one, shape, build), gpu) for one in wanted]


def _need(hp: LanguageHyperparameters, net: nn.Module, gpu: bool) -> MemoryNeed:
    trained = _bytes(parameter for parameter in net.parameters() if parameter.requires_grad)
    return MemoryNeed(
        label=LABELS.get(hp.mode, f"with lora r={hp.lora_rank}"),
        optimizer_name=hp.optimizer,
        weights=_bytes([*net.parameters(), *net.buffers()]),
        gradients=trained,
        optimizer=num_slots(hp) * trained,
        activations=_activations(hp, net, gpu),
    )


def _bytes(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def num_slots(hp: LanguageHyperparameters) -> int:
    """Return how many numbers the optimizer keeps of each weight that is trained: torch's own, after a step."""
    weight = nn.Parameter(torch.zeros(2, device="cpu"))
    weight.grad = torch.ones_like(weight)
    optimizer = torch_optimizer(hp, [weight])
    optimizer.step()
    kept = optimizer.state[weight].values()
    return sum(isinstance(value, Tensor) and value.shape == weight.shape for value in kept)


def _activations(hp: LanguageHyperparameters, net: nn.Module, gpu: bool) -> int:
    """Return a rough number of bytes that a step keeps, at most: every text has ``max_length`` tokens."""
    inner: Any = next(module for module in net.modules() if hasattr(module, "get_input_embeddings"))
    config, num_layers = inner.config, int(inner.config.num_hidden_layers)
    wide = getattr(config, "intermediate_size", None) or 4 * config.hidden_size
    written_out = not gpu or hp.attn == "eager"
    scores = KEPT_SCORES * int(config.num_attention_heads) * hp.max_length * written_out
    layer: int = KEPT * config.hidden_size + KEPT_WIDE * wide + scores
    num_texts = AT_ONCE if hp.mode == "features" else min(hp.batch_size, hp.micro_batch or hp.batch_size)
    num_keeping = _num_keeping(hp, num_layers)
    layers = num_keeping * layer
    if hp.activation_checkpointing:
        layers = min(layers, num_keeping * int(config.hidden_size) + AT_WORK * layer)
    half = gpu and hp.mode != "features" and hp.precision != "float32"
    num_bytes: int = 2 if half else 4
    outputs = KEPT_OUTPUTS * int(config.vocab_size) * (inner.get_output_embeddings() is not None)
    return num_bytes * num_texts * hp.max_length * (layers + outputs)


def _num_keeping(hp: LanguageHyperparameters, num_layers: int) -> int:
    """Return the number of layers that keep their numbers for the gradients."""
    most = {"features": 1, "last_layers": hp.trained_layers}.get(hp.mode, num_layers)
    return min(most, num_layers)
