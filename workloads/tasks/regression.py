"""The task of a regression: one or more numbers for each row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from workloads.tasks.contract import Model, Numbers, _at_least_float32


@dataclass(frozen=True)
class Regression:
    """Mean squared error of standardised targets; other metrics are in the target's own units."""

    target_std: float = 1.0
    """Standard deviation of the training targets."""
    quantiles: tuple[float, ...] = ()
    """Quantiles whose pinball loss is measured, too."""
    by_quantile: bool = False
    """Whether models are fitted by the pinball loss of the first quantile: that is the loss, then."""

    def loss(self, model: Model, x: Tensor, y: Tensor, numbers: Numbers) -> dict[str, Tensor]:
        """Return the mean squared error; outputs and targets are (..., batch, numbers)."""
        output = _at_least_float32(model(x))
        loss = (output - y.to(output.dtype)).square().mean((-2, -1))
        return {"loss": loss, "train_loss": loss.detach()}

    def over_epoch(self, means: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the means with ``train_rmse``, the root of the epoch's mean squared error."""
        return {**means, "train_rmse": means["train_loss"].sqrt() * self.target_std}

    def evaluate(self, model: Model, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """Return each example's errors, output - target, standardised."""
        output = _at_least_float32(model(x))
        return {"error": output - y.to(output.dtype)}

    def by_row(self, values: Mapping[str, Tensor], y: Tensor) -> dict[str, Tensor]:
        """Return the squared error and, in the target's units, the absolute one of each row."""
        error = values["error"].double().flatten(2)
        pinball = {name: value.mean(2) for name, value in self._pinball(error).items()}
        return {"loss": self._loss(error).mean(2), "mae": error.abs().mean(2) * self.target_std, **pinball}

    def metrics(self, values: Mapping[str, Tensor], y: Tensor) -> dict[str, Tensor]:
        """Return loss, root mean squared and mean absolute error over all numbers, and R^2 as ``r2`` does.

        Pinball losses are means over all numbers, in the target's own units.
        """
        error, target = values["error"].double(), y.double()
        flat = error.flatten(1)
        return {
            "loss": self._loss(flat).mean(1),
            "rmse": flat.square().mean(1).sqrt() * self.target_std,
            "mae": flat.abs().mean(1) * self.target_std,
            "r2": r2(error, target),
            **{name: value.mean(1) for name, value in self._pinball(flat).items()},
        }

    def _loss(self, error: Tensor) -> Tensor:
        """Return the loss of standardised errors: squared, or the pinball loss that the models are fitted by."""
        return _pinball(error, self.quantiles[0]) if self.by_quantile and self.quantiles else error.square()

    def _pinball(self, error: Tensor) -> dict[str, Tensor]:
        """Return each quantile's loss, in the target's own units."""
        return {f"pinball_{round(100 * q)}": _pinball(error, q) * self.target_std for q in self.quantiles}


def _pinball(error: Tensor, q: float) -> Tensor:
    """Return the loss of a quantile ``q`` of ``error``, output - target: q of it if too low, 1 - q if too high."""
    return torch.maximum(-q * error, (1 - q) * error)


def r2(error: Tensor, target: Tensor) -> Tensor:
    """Return the coefficient of determination, (members,), the mean over the numbers of an example.

    ``error`` is (members, examples, numbers), ``target`` (examples, numbers). As scikit-learn's ``r2_score``: of a
    constant target 1 where all predictions are exact, else 0; NaN of fewer than two examples.
    """
    if len(target) < 2:
        return error.new_full((len(error),), torch.nan)
    squares, spread = error.square().sum(1), (target - target.mean(0)).square().sum(0)
    constant = target.amax(0) == target.amin(0)  # rounding makes the spread of 0.1, 0.1, 0.1 no zero
    of_constant = (squares == 0).to(squares.dtype)
    return torch.where(constant, of_constant, 1 - squares / spread).mean(1)
