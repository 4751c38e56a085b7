"""Exports the champion as a model that takes raw examples, for MLflow and for serving."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from search_spaces.space.hyperparameters import complete
from workloads.arrays import Array, DataShape
from workloads.data.search_data import SearchData
from workloads.data.sources.image_files import decoded
from workloads.legs import checkpoint
from workloads.registry import workload
from workloads.tables.prepare import PrepareTable
from workloads.training.batches import ResidentData
from workloads.training.setup import Trainee, first_model, restore


class Exported(nn.Module):
    """Preprocessing and model as one module: raw features (rows, *example) to outputs (rows, num_outputs).

    Classes get logits; a predicted number is in the target's own units.
    """

    def __init__(self, preprocess: nn.Module, model: nn.Module, shape: DataShape) -> None:
        super().__init__()
        self.preprocess = preprocess
        self.model = model
        self.mean, self.std = shape.target_mean, shape.target_std

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs for ``x``: a table in float32 or float64, NaN where missing, or images in uint8."""
        outputs: Tensor = self.model(self.preprocess(x))
        return outputs if (self.mean, self.std) == (0.0, 1.0) else outputs * self.std + self.mean


def trained(workload_name: str, uri: str, search: SearchData) -> tuple[Any, ResidentData, nn.Module]:
    """Load the checkpoint ``uri``: hyperparameters, data, and the model in evaluation mode on the CPU.

    The weights are those of the best epoch where the checkpoint holds them (final evaluation), else the last ones.
    The seed is the training's: a user's network may draw more than its weights.
    """
    kind = workload(workload_name)
    progress, state, best = checkpoint.load(uri)
    hp = kind.hyperparameters(**complete(kind.hyperparameters, progress.params))
    data = kind.data(hp, search, torch.device("cpu"), torch.float32)
    model = first_model(kind, Trainee(progress.seed, hp), data.shape).to(data.dtype)
    restore(model, best or state)
    return hp, data, model.eval()


def export(workload_name: str, uri: str, search: SearchData) -> tuple[nn.Module, Array]:
    """Return the model of the checkpoint ``uri`` as one module, with a few raw inputs as an example.

    Only for data that is prepared by torch; a table that a scikit-learn pipeline prepares is a ``TableModel``.
    """
    hp, data, model = trained(workload_name, uri, search)
    assert not isinstance(data.prepare, PrepareTable)
    if (exporting := workload(workload_name).export) is not None:
        module, inputs = exporting(hp, model, data)
        return module.eval().requires_grad_(False), inputs
    exported = Exported(data.prepare, model, data.shape).eval().requires_grad_(False)
    return exported, decoded(search.train.x[:4])
