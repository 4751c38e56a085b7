"""What a workload tells the loops about its loss and its metrics: the task owns the loss, the loops own time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import torch
from torch import Tensor

from workloads.closed_form_losses import cross_entropy
from workloads.registry import DataShape
from workloads.scores import by_class, roc_auc

Model = Callable[[Tensor], Tensor]
"""Inputs to outputs: a module, or a whole cohort's, whose outputs have a leading dimension of members."""
Numbers = Mapping[str, Tensor]
"""The hyperparameters that are one number per member: shape () in the plain loop, (members,) in a cohort."""


class Task(Protocol):
    """All methods serve one model and a cohort alike.

    ``x`` is (batch, *example) and ``y`` (batch, ...); where the members of a cohort differ in their mini-batches,
    both have a leading dimension of members. So a task counts its dimensions from the end in training.
    """

    def loss(self, model: Model, x: Tensor, y: Tensor, numbers: Numbers) -> dict[str, Tensor]:
        """Means over one mini-batch, each () or (members,). ``loss`` is minimised; others are reported as named."""

    def evaluate(self, model: Model, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """One value an example: (batch, ...) or (members, batch, ...). A split goes through in several chunks."""

    def metrics(self, values: Mapping[str, Tensor], y: Tensor) -> dict[str, Tensor]:
        """What the values of a whole split, each (members, examples, ...), come to: (members,) each.

        ``y`` is (examples, ...). Reported with ``val_`` or ``test_`` before the key; ``loss`` is among them.
        """


def task_of(shape: DataShape, objective: str) -> Task:
    """The task of a problem that does not depend on the workload."""
    if shape.problem == "language":
        from workloads.task_language import Language

        return Language()
    if shape.problem == "forecast":
        from workloads.task_forecast import Forecast

        return Forecast(shape.target_std, shape.season)
    if shape.problem == "regression":
        return Regression(shape.target_std)
    assert shape.problem == "classification", shape.problem
    return Classification(objective.endswith("roc_auc"), balanced_weights(shape.class_counts))


def balanced_weights(counts: Sequence[int]) -> tuple[float, ...]:
    """What each class counts, in inverse proportion to its training rows; 1 on the mean over them."""
    seen = sum(count > 0 for count in counts)
    return tuple(sum(counts) / (seen * count) if count else 0.0 for count in counts)


@dataclass(frozen=True)
class Classification:
    """Cross-entropy, with label smoothing and class weights in training, and the measures of ``scores``.

    ``train_loss`` is reported without both, so that it can be compared with ``val_loss``.
    """

    roc_auc: bool = False
    """Also the area under the ROC curve, which costs a sort of all outputs."""
    balanced: tuple[float, ...] = ()
    """The weights of the classes for members that want balanced ones."""

    def loss(self, model: Model, x: Tensor, y: Tensor, numbers: Numbers) -> dict[str, Tensor]:
        """See ``cross_entropy``; with class weights as ``_weighted``."""
        logits = _at_least_float32(model(x))
        loss, plain, hits = _SmoothedCrossEntropy.apply(logits, y, numbers["label_smoothing"])
        if "class_weights" in numbers:
            loss = self._weighted(logits, y.expand(logits.shape[:-1]).unsqueeze(-1), numbers)
        return {"loss": loss, "train_loss": plain, "train_accuracy": hits}

    def _weighted(self, logits: Tensor, labels: Tensor, numbers: Numbers) -> Tensor:
        """As ``torch.nn.functional.cross_entropy`` with weights, averaged over examples, not over weights.

        So a batch's loss is the mean of its parts', and a rare class weighs the same in every batch.
        """
        balanced = _on_device(self.balanced, logits.dtype, logits.device)
        wanted, smoothing = (
            numbers[name].to(logits.dtype)[..., None] for name in ("class_weights", "label_smoothing")
        )
        weights = torch.where(wanted > 0, balanced, torch.ones_like(balanced)).unsqueeze(-2)
        costs = -logits.log_softmax(-1) * weights
        own, uniform = costs.gather(-1, labels).squeeze(-1), costs.mean(-1)
        return torch.lerp(own, uniform, smoothing).mean(-1)

    def evaluate(self, model: Model, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """Cross-entropy, and the outputs themselves."""
        logits = _at_least_float32(model(x))
        labels = y.expand(logits.shape[:-1]).unsqueeze(-1)
        costs = logits.mT.log_softmax(-2).gather(-2, labels.mT).squeeze(-2)
        return {"loss": -costs, "logits": logits}

    def metrics(self, values: Mapping[str, Tensor], y: Tensor) -> dict[str, Tensor]:
        """Loss, accuracy, and the means over classes."""
        logits = values["logits"]
        predicted = logits.max(-1).indices  # ten times faster than argmax where the classes are not last in memory
        found = {"loss": values["loss"].double().mean(1), "accuracy": (predicted == y).double().mean(1)}
        found |= by_class(predicted, y, logits.shape[-1])
        return found | ({"roc_auc": roc_auc(logits.softmax(-1), y)} if self.roc_auc else {})


@dataclass(frozen=True)
class Regression:
    """Mean squared error of standardised targets; measures in the target's own units."""

    target_std: float = 1.0

    def loss(self, model: Model, x: Tensor, y: Tensor, numbers: Numbers) -> dict[str, Tensor]:
        """Outputs and targets are (..., batch, numbers)."""
        output = _at_least_float32(model(x))
        loss = (output - y.to(output.dtype)).square().mean((-2, -1))
        return {"loss": loss, "train_loss": loss.detach(), "train_rmse": loss.detach().sqrt() * self.target_std}

    def evaluate(self, model: Model, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """The errors themselves."""
        output = _at_least_float32(model(x))
        return {"error": output - y.to(output.dtype)}

    def metrics(self, values: Mapping[str, Tensor], y: Tensor) -> dict[str, Tensor]:
        """Loss, root mean squared and mean absolute error, and the share of variance explained."""
        error, target = values["error"].double().flatten(1), y.double()
        square = error.square()
        spread = (target - target.mean()).square().sum()
        return {
            "loss": square.mean(1),
            "rmse": square.mean(1).sqrt() * self.target_std,
            "mae": error.abs().mean(1) * self.target_std,
            "r2": 1 - square.sum(1) / spread,
        }


class _SmoothedCrossEntropy(torch.autograd.Function):
    """Smoothed loss, plain loss and share of hits, each (...), of logits (..., batch, classes)."""

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
    """Kept, as a step that is recorded for a GPU cannot wait for a copy from the host."""
    return torch.tensor(values, dtype=dtype, device=device)


def _at_least_float32(logits: Tensor) -> Tensor:
    return logits if logits.dtype == torch.float64 else logits.float()
