"""The task of a forecast: a regression on the next values, compared with naive forecasts that need no model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from workloads.tasks.contract import Model, Numbers
from workloads.tasks.regression import Regression

MAX_STEPS = 12
"""Most steps ahead that have metrics of their own."""


@dataclass(frozen=True)
class Forecast:
    """Mean squared error of forecasts of ``y`` (..., batch, horizon) from windows ``x`` (..., batch, steps, 1).

    Windows and targets are on one scale, standardised by the training part.
    """

    std: float
    """Standard deviation of the training part, by which metrics are in the series' own units."""
    season: int
    """Season in steps, at most the window's length."""

    def loss(self, model: Model, x: Tensor, y: Tensor, numbers: Numbers) -> dict[str, Tensor]:
        """Return the loss and metrics of a regression."""
        return Regression(self.std).loss(model, x, y, numbers)

    def over_epoch(self, means: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the means with a regression's ``train_rmse``."""
        return Regression(self.std).over_epoch(means)

    def evaluate(self, model: Model, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """Return the errors of the model and of both naive forecasts, (..., batch, horizon)."""
        found = Regression(self.std).evaluate(model, x, y)
        error = found["error"]
        season_ago = self.seasonal(x, y.shape[-1])
        naive = {"naive": season_ago, "persistence": x[..., -1:, 0].expand_as(season_ago)}
        return {**found, **{name: (guess - y).expand(error.shape) for name, guess in naive.items()}}

    def by_row(self, values: Mapping[str, Tensor], y: Tensor) -> dict[str, Tensor]:
        """Return those of a regression."""
        return Regression(self.std).by_row(values, y)

    def metrics(self, values: Mapping[str, Tensor], y: Tensor) -> dict[str, Tensor]:
        """Return the metrics of a regression, and the errors of two naive forecasts in the series' own units.

        ``naive_rmse`` repeats the values of one season ago, ``persistence_rmse`` the window's last value. Several
        steps ahead have each their ``rmse_step_1`` and ``naive_rmse_step_1``; long horizons at MAX_STEPS of them.
        """
        found = Regression(self.std).metrics(values, y)
        for name in ("naive", "persistence"):
            found[f"{name}_rmse"] = values[name].double().flatten(1).square().mean(1).sqrt() * self.std
        horizon = y.shape[-1]
        for name, prefix in (("error", ""), ("naive", "naive_")):
            roots = values[name].double().square().mean(1).sqrt() * self.std
            for step in steps_told(horizon):
                found[f"{prefix}rmse_step_{step:0{len(str(horizon))}d}"] = roots[:, step - 1]
        return found

    def seasonal(self, x: Tensor, horizon: int) -> Tensor:
        """Return, for each step ahead, the value of the same step in the last season, (..., batch, horizon)."""
        first = x.shape[-2] - self.season
        steps = first + torch.arange(horizon, device=x.device) % self.season
        return x[..., 0].index_select(-1, steps)


def steps_told(horizon: int) -> list[int]:
    """Return the steps ahead, from 1, that have metrics of their own: the first, the last and those between."""
    if horizon == 1:
        return []
    return sorted({int(step) for step in torch.linspace(1, horizon, min(horizon, MAX_STEPS)).round()})
