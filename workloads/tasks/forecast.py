"""The task of a forecast: a regression on the next values, with what needs no model measured beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from workloads.tasks.contract import Model, Numbers
from workloads.tasks.regression import Regression


@dataclass(frozen=True)
class Forecast:
    """Windows ``x`` (..., batch, steps, 1) and the values after them ``y`` (..., batch, horizon), on one scale."""

    std: float
    """Of the training part: measures are in the series' own units."""
    season: int
    """At most the window's steps."""

    def loss(self, model: Model, x: Tensor, y: Tensor, numbers: Numbers) -> dict[str, Tensor]:
        """That of a regression."""
        return Regression(self.std).loss(model, x, y, numbers)

    def evaluate(self, model: Model, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """The errors of the model and of both naive forecasts."""
        found = Regression(self.std).evaluate(model, x, y)
        error = found["error"]
        season_ago = self.seasonal(x, y.shape[-1])
        naive = {"naive": season_ago, "persistence": x[..., -1:, 0].expand_as(season_ago)}
        return {**found, **{name: (guess - y).expand(error.shape) for name, guess in naive.items()}}

    def metrics(self, values: Mapping[str, Tensor], y: Tensor) -> dict[str, Tensor]:
        """Those of a regression; ``naive_rmse`` of values one season ago, ``persistence_rmse`` of the last one."""
        found = Regression(self.std).metrics(values, y)
        for name in ("naive", "persistence"):
            found[f"{name}_rmse"] = values[name].double().flatten(1).square().mean(1).sqrt() * self.std
        return found

    def seasonal(self, x: Tensor, horizon: int) -> Tensor:
        """For each step ahead the value of the last season's same step, (..., batch, horizon)."""
        first = x.shape[-2] - self.season
        steps = first + torch.arange(horizon, device=x.device) % self.season
        return x[..., 0].index_select(-1, steps)
