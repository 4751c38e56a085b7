"""What a workload tells the loops about its loss and its metrics: the task owns the loss, the loops own time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

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
        """Smoothing as in Szegedy et al. 2015, arXiv:1512.00567: a share s of the label goes to all classes."""
        logits = _at_least_float32(model(x))
        labels = y.expand(logits.shape[:-1]).unsqueeze(-1)
        loss, plain, hits = _SmoothedCrossEntropy.apply(logits, labels, numbers["label_smoothing"])
        return {"loss": loss, "train_loss": plain, "train_acc": hits}

    def evaluate(self, model: Model, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """Cross-entropy and hits."""
        logits = _at_least_float32(model(x))
        labels = y.expand(logits.shape[:-1]).unsqueeze(-1)
        log_total, of_label = _parts(logits, labels)
        return {"loss": (log_total - of_label).sum(-1), "acc": _hits(logits, of_label).sum(-1)}


class _SmoothedCrossEntropy(torch.autograd.Function):
    """Smoothed loss, plain loss and share of hits, each (...), of logits (..., batch, classes).

    The gradient is written out: (softmax - smoothed label) / batch, a third of the operations that autograd takes.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, labels: Tensor, smoothing: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        log_total, of_label = _parts(logits, labels)
        plain = (log_total - of_label).mean(-1)
        uniform = log_total.mean(-1) - logits.mean((-2, -1))
        hits = _hits(logits, of_label).mean(-1)
        ctx.save_for_backward(logits, log_total, labels, smoothing)
        ctx.mark_non_differentiable(plain, hits)
        return torch.lerp(plain, uniform, smoothing.to(plain.dtype)), plain, hits

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        logits, log_total, labels, smoothing = ctx.saved_tensors
        batch, num_classes = logits.shape[-2:]
        share = smoothing.to(logits.dtype)[..., None, None]
        difference = (logits - log_total.unsqueeze(-1)).exp_()
        difference.scatter_add_(-1, labels, (share - 1).expand(labels.shape)).sub_(share / num_classes)
        return difference.mul_((grads[0] / batch)[..., None, None]), None, None


def _at_least_float32(logits: Tensor) -> Tensor:
    return logits if logits.dtype == torch.float64 else logits.float()


def _parts(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The logarithm of the sum of exponentials and the label's logit: their difference is the cross-entropy.

    Five times faster than ``log_softmax`` here, whose kernel is slow for a handful of classes.
    """
    return torch.logsumexp(logits, -1), logits.gather(-1, labels).squeeze(-1)


def _hits(logits: Tensor, of_label: Tensor) -> Tensor:
    """1 where no class has a larger logit than the label, else 0; NaN is never a hit."""
    return (of_label >= logits.amax(-1)).to(logits.dtype)
