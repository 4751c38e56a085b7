"""The task of a language model: every character of a window is predicted from those before it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from workloads.data.raw import NOT_COUNTED
from workloads.tasks.classification import Classification
from workloads.tasks.contract import Model, Numbers
from workloads.tasks.metrics import token_metrics


@dataclass(frozen=True)
class Language:
    """Cross-entropy in nats a character, and in bits. Outputs are (..., batch, steps, characters)."""

    def loss(self, model: Model, x: Tensor, y: Tensor, numbers: Numbers) -> dict[str, Tensor]:
        """Return the loss of a classifier whose examples are the characters; in training all targets count."""
        return Classification().loss(lambda x: model(x).flatten(-3, -2), x, y.flatten(-2), numbers)

    def over_epoch(self, means: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the means with ``train_bits_per_character``."""
        return {**means, "train_bits_per_character": means["train_loss"] / math.log(2)}

    def evaluate(self, model: Model, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """Return sums over each window's targets but those ``NOT_COUNTED``: nats, hits and their number."""
        logits = model(x)
        logits = logits if logits.dtype == torch.float64 else logits.float()
        counted = (y != NOT_COUNTED).to(logits.dtype)
        labels = y.clamp(min=0).expand(logits.shape[:-1]).unsqueeze(-1)
        nats = (torch.logsumexp(logits, -1) - logits.gather(-1, labels).squeeze(-1)) * counted
        top, predicted = logits.max(-1)
        hits = ((predicted == labels.squeeze(-1)) & (top == top)).to(logits.dtype) * counted
        number = counted.sum(-1).expand(nats.shape[:-1])
        return {"nats": nats.sum(-1), "hits": hits.sum(-1), "number": number}

    def by_row(self, values: Mapping[str, Tensor], y: Tensor) -> dict[str, Tensor]:
        """Return nothing: windows count different numbers of characters."""
        return {}

    def metrics(self, values: Mapping[str, Tensor], y: Tensor) -> dict[str, Tensor]:
        """Return means over all characters that count; ``y`` is (windows, steps)."""
        sums = {name: value.double().sum(1) for name, value in values.items()}
        return token_metrics(sums, sums["number"])
