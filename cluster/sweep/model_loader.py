"""Loads models from MLflow for workloads that start from their weights: workloads do not import MLflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workloads.models.transfer import weights

if TYPE_CHECKING:
    from torch import nn


def open_models_of(uri: str | None) -> None:
    """Make this process's workloads load MLflow models from the store ``uri`` (None: the environment's)."""

    def opened(model_uri: str) -> nn.Module:
        from tracking.results.safe_model import load  # 50 ms

        model: nn.Module = load(uri, model_uri)
        return model

    weights.open_model = opened
