"""The task of a user's network: its own loss or metrics in place of, or beside, those of the data's problem."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from workloads.arrays import DataShape
from workloads.models.network.declared import Declared
from workloads.tasks.by_problem import task_of
from workloads.tasks.contract import Model, Numbers, Task

OUTPUTS, LOSSES = "own_outputs", "own_losses"
"""Names of what is kept of each example for the user's metrics and loss."""
Loss = Callable[..., Tensor]


def task(declared: Declared, shape: DataShape, objective: str) -> Task:
    """Return the task of the data's problem, with what the class declares."""
    inner = task_of(shape, objective)
    if declared.loss is None and not declared.metrics:
        return inner
    return OwnTask(declared, inner, shape)


@dataclass(frozen=True)
class OwnTask:
    """The task ``inner`` with a user's loss and metrics."""

    declared: Declared
    inner: Task
    shape: DataShape

    def loss(self, model: Model, x: Tensor, y: Tensor, numbers: Numbers) -> dict[str, Tensor]:
        """Return the user's loss with each member's numbers; ``train_loss`` is the one with their defaults."""
        if self.declared.loss is None:
            return self.inner.loss(model, x, y, numbers)
        outputs = model(x)
        found = self.inner.loss(lambda _: outputs.detach(), x, y, numbers)
        own = self._own(outputs, y, {one.name: numbers[one.name] for one in self.declared.of_loss})
        plain = own.detach()
        if self.declared.of_loss:
            plain = self._own(outputs.detach(), y, {})
        return {**found, "loss": own, "train_loss": plain}

    def _own(self, outputs: Tensor, y: Tensor, numbers: Numbers) -> Tensor:
        """Return the loss as a mean over examples: () or (members,)."""

        def mean(outputs: Tensor, y: Tensor, numbers: Mapping[str, Tensor]) -> Tensor:
            return self._loss(outputs, y, **numbers).mean()

        if outputs.dim() == self._dims:
            return mean(outputs, y, dict(numbers))
        found: Tensor = torch.vmap(
            mean, (0, 0 if y.dim() == outputs.dim() - self._dims + self._y_dims else None, 0)
        )(outputs, y, dict(numbers))
        return found

    @property
    def _loss(self) -> Loss:
        assert self.declared.loss is not None
        return self.declared.loss

    @property
    def _dims(self) -> int:
        """Number of dimensions of one model's outputs."""
        return 3 if self.shape.problem == "language" else 2

    @property
    def _y_dims(self) -> int:
        """Number of dimensions of the targets of one mini-batch."""
        return 1 if self.shape.problem == "classification" else 2

    def over_epoch(self, means: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the means of those metrics that follow from the user's loss, or from none."""
        if self.declared.loss is None:
            return self.inner.over_epoch(means)
        return dict(means)

    def evaluate(self, model: Model, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """Return the inner task's values, the outputs, and each example's loss by the user's function."""
        outputs = model(x)
        found = self.inner.evaluate(lambda _: outputs, x, y)
        kept = {OUTPUTS: outputs} if self.declared.metrics else {}
        return {**found, **kept, **({LOSSES: self._each(outputs, y)} if self.declared.loss else {})}

    def _each(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Return the loss of each example, (batch,) or (members, batch)."""

        def one(output: Tensor, target: Tensor) -> Tensor:
            return self._loss(output.unsqueeze(0), target.unsqueeze(0)).mean()

        each = torch.vmap(one, randomness="same")
        alone = outputs.dim() == self._dims
        try:
            found: Tensor = each(outputs, y) if alone else torch.vmap(each, (0, None))(outputs, y)
        except Exception:  # noqa: BLE001 - a loss that vmap has no rule for; its own errors are raised again
            members = outputs.unsqueeze(0) if alone else outputs
            rows = [torch.stack([one(*example) for example in zip(each, y, strict=True)]) for each in members]
            found = rows[0] if alone else torch.stack(rows)
        return found

    def is_mean(self, outputs: Tensor, y: Tensor) -> bool:
        """Return whether one model's loss of these examples by the user's function is the mean of those of each."""
        whole, each = self._own(outputs, y, {}), self._each(outputs, y).mean()
        return torch.allclose(whole, each, rtol=1e-3, atol=1e-6, equal_nan=True)

    def by_row(self, values: Mapping[str, Tensor], y: Tensor) -> dict[str, Tensor]:
        """Return the inner task's scores by row, and those of the user's loss."""
        found = {k: v for k, v in self.inner.by_row(values, y).items() if k not in self.declared.metrics}
        return found | ({"loss": values[LOSSES]} if LOSSES in values else {})

    def metrics(self, values: Mapping[str, Tensor], y: Tensor) -> dict[str, Tensor]:
        """Return the inner task's metrics and the user's: each is one call for the whole split and member."""
        found = self.inner.metrics(values, y)
        if LOSSES in values:
            found["loss"] = values[LOSSES].double().mean(1)
        if OUTPUTS in values:
            outputs, targets = self._in_units(values[OUTPUTS]), self._in_units(y)
            for name, (function, _) in self.declared.metrics.items():
                each = [torch.as_tensor(function(one, targets), dtype=torch.float64) for one in outputs]
                found[name] = torch.stack([self._number(name, value) for value in each]).to(outputs.device)
        return found

    def _in_units(self, numbers: Tensor) -> Tensor:
        """Return predicted numbers, or targets, in the target's own units; classes and logits as they are."""
        return numbers * self.shape.target_std + self.shape.target_mean if self.scaled(numbers) else numbers

    def scaled(self, numbers: Tensor) -> bool:
        """Return whether these are standardised numbers."""
        return self.shape.problem in ("regression", "forecast") and numbers.is_floating_point()

    def _number(self, name: str, value: Tensor) -> Tensor:
        if value.numel() != 1:
            raise ValueError(
                f"metric {name!r} of {self.declared.cls.__name__} must return one number for all examples "
                f"together, received {tuple(value.shape)}"
            )
        return value.reshape(())
