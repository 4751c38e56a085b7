"""Models of MLflow that workloads start from. Workloads import no MLflow: ``cluster`` says how they are opened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

SCHEMES = ("models:/", "runs:/", "mlflow-artifacts:/")

open_module: Callable[[str], nn.Module] | None = None
"""Loads the module of a URI."""
open_encoder: Callable[[str], Path] | None = None
"""Returns the folder with the text encoder of a URI, as Hugging Face's libraries save one."""


def is_of_mlflow(model: object) -> bool:
    """Whether ``model`` is the URI of a model in MLflow."""
    return isinstance(model, str) and model.startswith(SCHEMES)
