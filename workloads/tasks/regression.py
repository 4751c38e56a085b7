"""The task of a regression: one or more numbers for each row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from workloads.tasks.contract import Model, Numbers, _at_least_float32


@dataclass(frozen=True)
class Regression:
    """Mean squared error of standardised targets; other metrics are in the target's own units."""

    target_std: float = 1.0
    """Standard deviation of the training targets."""

    def loss(self, model: Model, x: Tensor, y: Tensor, numbers: Numbers) -> dict[str, Tensor]:
        """Return the mean squared error, and ``train_rmse``; outputs and targets are (..., batch, numbers)."""
        output = _at_least_float32(model(x))
        loss = (output - y.to(output.dtype)).square().mean((-2, -1))
        return {"loss": loss, "train_loss": loss.detach(), "train_rmse": loss.detach().sqrt() * self.target_std}

    def evaluate(self, model: Model, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """Return each example's errors, output - target, standardised."""
        output = _at_least_float32(model(x))
        return {"error": output - y.to(output.dtype)}

    def metrics(self, values: Mapping[str, Tensor], y: Tensor) -> dict[str, Tensor]:
        """Return loss, root mean squared and mean absolute error, and R^2 (not finite if all targets are equal)."""
        error, target = values["error"].double().flatten(1), y.double()
        square = error.square()
        spread = (target - target.mean()).square().sum()
        return {
            "loss": square.mean(1),
            "rmse": square.mean(1).sqrt() * self.target_std,
            "mae": error.abs().mean(1) * self.target_std,
            "r2": 1 - square.sum(1) / spread,
        }
