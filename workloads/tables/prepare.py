"""Turns the matrix of a table into features on the device."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from workloads.arrays import Column
from workloads.tables.columns import decode
from workloads.tables.pipeline import Fitted


class PrepareTable(nn.Module):
    """Converts (rows, columns) to (rows, features) by a fitted pipeline, on the CPU: it cannot be exported."""

    def __init__(self, fitted: Fitted, columns: Sequence[Column], like: Tensor) -> None:
        super().__init__()
        self.fitted = fitted
        self.columns = columns
        self.like = like

    def forward(self, x: Tensor) -> Tensor:
        """Return features in ``like``'s dtype and on its device; NaN only where the pipeline imputes nothing."""
        features = self.fitted(decode(x.cpu().numpy(), self.columns))
        return torch.from_numpy(features).to(self.like)

    def of(self, columns: Sequence[Column]) -> PrepareTable:
        """Return the same for a matrix of these ``columns``, whose codes may stand for further words."""
        return PrepareTable(self.fitted, columns, self.like)
