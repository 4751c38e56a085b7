"""The champion as one module that takes raw features, for logging and serving."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from search_spaces.hyperparameters import complete
from workloads import checkpoint
from workloads.data import SearchData
from workloads.features import Array
from workloads.registry import workload


class Exported(nn.Module):
    """Preprocessing and model in one: raw features (rows, *example) to logits (rows, classes)."""

    def __init__(self, preprocess: nn.Module, model: nn.Module) -> None:
        super().__init__()
        self.preprocess = preprocess
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        """Tables as float32 or float64, missing values as NaN; images as uint8."""
        logits: Tensor = self.model(self.preprocess(x))
        return logits


def export(workload_name: str, uri: str, search: SearchData) -> tuple[nn.Module, Array]:
    """The member of the checkpoint ``uri`` in evaluation mode on the CPU, and example inputs of a few rows.

    The weights are those of its best epoch where the checkpoint holds them (final legs), else the last ones.
    """
    kind = workload(workload_name)
    progress, state, best = checkpoint.load(uri)
    hp = kind.hyperparameters(**complete(kind.hyperparameters, progress.params))
    data = kind.data(hp, search, torch.device("cpu"), torch.float32)
    model = kind.build(hp, data.shape)
    model.load_state_dict(state.model if best is None else best)
    if kind.export is not None:
        module, inputs = kind.export(hp, model, data)
        return module.eval().requires_grad_(False), inputs
    exported = Exported(data.prepare, model).eval()
    return exported.requires_grad_(False), search.train.x[:4].copy()
