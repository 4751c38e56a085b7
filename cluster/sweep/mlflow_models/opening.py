"""Opens models of MLflow for workloads that start from them: workloads do not import MLflow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from workloads.files import mlflow_models

if TYPE_CHECKING:
    from torch import nn


def open_models_of(uri: str | None) -> None:
    """Make this process's workloads open MLflow models of the store ``uri`` (None: the environment's)."""

    def module(model_uri: str) -> nn.Module:
        from tracking.results.safe_model import load  # 50 ms

        found: nn.Module = load(uri, model_uri)
        return found

    def encoder(model_uri: str) -> Path:
        from cluster.sweep.mlflow_models.encoders import encoder_of  # 50 ms

        return encoder_of(uri, model_uri)

    mlflow_models.open_module, mlflow_models.open_encoder = module, encoder
