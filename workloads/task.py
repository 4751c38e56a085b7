"""What a workload tells the loops about its loss and its metrics: the task owns the loss, the loops own time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import torch
from torch import Tensor

Model = Callable[[Tensor], Tensor]
"""Inputs to outputs: a module, or a whole cohort's, whose outputs have a leading dimension of members."""
Numbers = Mapping[str, Tensor]
"""The hyperparameters that are one number per member: shape () in the plain loop, (members,) in a cohort."""


class Task(Protocol):
    """Both methods serve one model and a cohort alike: their results have shape () or (members,).

    ``x`` is (batch, *example) and ``y`` (batch,); where the members of a cohort differ in their mini-batches, both
    have a leading dimension of members. So a task counts its dimensions from the end.
    """

    def loss(self, model: Model, x: Tensor, y: Tensor, numbers: Numbers) -> dict[str, Tensor]:
        """Means over one mini-batch. ``loss`` is minimised; each other key is averaged and reported by its name."""

    def evaluate(self, model: Model, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """Sums over examples; the loops report their means, with ``val_`` or ``test_`` before the key."""


class Classification:
    """Cross-entropy, with label smoothing in training, and accuracy.

    ``train_loss`` is reported without smoothing, so that it can be compared with ``val_loss``.
    """

    def loss(self, model: Model, x: Tensor, y: Tensor, numbers: Numbers) -> dict[str, Tensor]:
        """Smoothing as in Szegedy et al. 2015, arXiv:1512.00567: s of the label's weight spread over all classes."""
        log_probs, surprise = _log_probs(model(x), y)
        smoothing = numbers["label_smoothing"]
        plain = surprise.mean(-1)
        smoothed = torch.lerp(plain, -log_probs.mean((-2, -1)), smoothing)
        return {"loss": smoothed, "train_loss": plain.detach(), "train_acc": _hits(log_probs, surprise).mean(-1)}

    def evaluate(self, model: Model, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """Cross-entropy and hits."""
        log_probs, surprise = _log_probs(model(x), y)
        return {"loss": surprise.sum(-1), "acc": _hits(log_probs, surprise).sum(-1)}


def _log_probs(logits: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Log-probabilities (..., batch, classes), and minus that of each label (..., batch), at least float32."""
    logits = logits if logits.dtype == torch.float64 else logits.float()
    log_probs = torch.log_softmax(logits, -1)
    labels = y.expand(log_probs.shape[:-1]).unsqueeze(-1)
    return log_probs, -log_probs.gather(-1, labels).squeeze(-1)


def _hits(log_probs: Tensor, surprise: Tensor) -> Tensor:
    """1 where the label is as probable as any class, else 0. NaN is never a hit."""
    return (-surprise.detach() >= log_probs.detach().amax(-1)).to(log_probs.dtype)
