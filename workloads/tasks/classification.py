"""The task of a classification: cross-entropy, accuracy, and means over the classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from workloads.tasks.by_hand import by_hand
from workloads.tasks.closed_form_losses import cross_entropy, smoothed_cross_entropy
from workloads.tasks.contract import Model, Numbers, _at_least_float32
from workloads.tasks.metrics import by_class, roc_auc, roc_auc_by_row


def balanced_weights(counts: Sequence[int]) -> tuple[float, ...]:
    """Return each class's weight, in inverse proportion to its training rows; the mean over rows is 1.

    A class without rows gets 0.
    """
    seen = sum(count > 0 for count in counts)
    return tuple(sum(counts) / (seen * count) if count else 0.0 for count in counts)


@dataclass(frozen=True)
class Classification:
    """Cross-entropy, with label smoothing and class weights in training, and the metrics of ``tasks.metrics``.

    ``train_loss`` is reported without both, so that it can be compared with ``val_loss``.
    """

    roc_auc: bool = False
    """Whether to measure the area under the ROC curve too, which takes a sort of all outputs."""
    balanced: tuple[float, ...] = ()
    """Weight of each class, for members with ``class_weights: balanced``."""

    def loss(self, model: Model, x: Tensor, y: Tensor, numbers: Numbers) -> dict[str, Tensor]:
        """Return the mean cross-entropy with label smoothing, weighted by class for members with class weights.

        Beside ``loss`` it returns ``train_loss``, without smoothing and weights, and ``train_accuracy``.
        """
        logits = _at_least_float32(model(x))
        loss, plain, hits = _smoothed(logits, y, numbers["label_smoothing"])
        if "class_weights" in numbers:
            loss = self._weighted(logits, y.expand(logits.shape[:-1]).unsqueeze(-1), numbers)
        return {"loss": loss, "train_loss": plain, "train_accuracy": hits}

    def _weighted(self, logits: Tensor, labels: Tensor, numbers: Numbers) -> Tensor:
        """Return the loss of ``torch.nn.functional.cross_entropy`` with weights, averaged over examples instead.

        torch divides by the sum of weights. A mean over examples makes a batch's loss the mean of its parts', and
        gives a rare class the same weight in every batch.
        """
        balanced = _on_device(self.balanced, logits.dtype, logits.device)
        wanted, smoothing = (
            numbers[name].to(logits.dtype)[..., None] for name in ("class_weights", "label_smoothing")
        )
        weights = torch.where(wanted > 0, balanced, torch.ones_like(balanced)).unsqueeze(-2)
        costs = -logits.log_softmax(-1) * weights
        own, uniform = costs.gather(-1, labels).squeeze(-1), costs.mean(-1)
        return torch.lerp(own, uniform, smoothing).mean(-1)

    def over_epoch(self, means: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the means: loss and accuracy are means over examples."""
        return dict(means)

    def evaluate(self, model: Model, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """Return each example's cross-entropy as ``loss``, and its ``logits``."""
        logits = _at_least_float32(model(x))
        labels = y.expand(logits.shape[:-1]).unsqueeze(-1)
        costs = logits.mT.log_softmax(-2).gather(-2, labels.mT).squeeze(-2)
        return {"loss": -costs, "logits": logits}

    def by_row(self, values: Mapping[str, Tensor], y: Tensor) -> dict[str, Tensor]:
        """Return the cross-entropy and the hit (0 or 1) of each row; if asked for, pseudo-values of ``roc_auc``."""
        logits = values["logits"]
        found = {"loss": values["loss"], "accuracy": (logits.max(-1).indices == y).double()}
        return found | ({"roc_auc": roc_auc_by_row(logits.softmax(-1), y)} if self.roc_auc else {})

    def metrics(self, values: Mapping[str, Tensor], y: Tensor) -> dict[str, Tensor]:
        """Return loss, accuracy and the means over classes, float64 (members,); if asked for, ``roc_auc`` too."""
        logits = values["logits"]
        predicted = logits.max(-1).indices  # ten times faster than argmax where the classes are not last in memory
        found = {"loss": values["loss"].double().mean(1), "accuracy": (predicted == y).double().mean(1)}
        found |= by_class(predicted, y, logits.shape[-1])
        return found | ({"roc_auc": roc_auc(logits.softmax(-1), y)} if self.roc_auc else {})


def _smoothed(logits: Tensor, y: Tensor, smoothing: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return smoothed loss, plain loss and accuracy, each (...), of logits (..., batch, classes)."""
    if by_hand():
        found: tuple[Tensor, Tensor, Tensor] = _SmoothedCrossEntropy.apply(logits, y, smoothing)
        return found
    measured, _, _ = smoothed_cross_entropy(logits.mT, y, smoothing)
    return measured["loss"], measured["train_loss"].detach(), measured["train_accuracy"]


class _SmoothedCrossEntropy(torch.autograd.Function):
    """Computes what ``_smoothed`` returns, with the gradient written out."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, y: Tensor, smoothing: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        measured, gradient = cross_entropy(logits.mT, y, smoothing)
        loss, plain, hits = (measured[name] for name in ("loss", "train_loss", "train_accuracy"))
        ctx.save_for_backward(gradient)
        ctx.mark_non_differentiable(plain, hits)
        return loss, plain, hits

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = ctx.saved_tensors
        return (gradient * grads[0][..., None, None]).mT, None, None


@lru_cache(maxsize=16)
def _on_device(values: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return ``values`` as a cached tensor: a step recorded for a GPU cannot wait for a copy from the host."""
    return torch.tensor(values, dtype=dtype, device=device)
