"""A user's network with its preprocessing, saved as weights and its own module: where no graph can be traced.

model = mlflow.pyfunc.load_model("models:/NAME@champion")
model.predict(images)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from search_spaces.types.values import Value, restored, stored
from workloads.arrays import Array, DataShape
from workloads.champion.export import Exported, trained
from workloads.data.search_data import SearchData
from workloads.data.statistics import Statistics
from workloads.layers.layers import Preprocess
from workloads.legs import checkpoint
from workloads.models.network.data import Codes
from workloads.registry import workload
from workloads.training.setup import Trainee, first_model

CARD, WEIGHTS, STATISTICS = "model.json", "weights.pt", ("fill", "mean", "std")
PACKAGES = ("paceline", "torch", "numpy")
"""Packages that serving the model needs, beside those of the user's module."""


@dataclass(frozen=True)
class NetworkModel:
    """A trained network that takes raw inputs as arrays; it is built anew where it is loaded."""

    workload: str
    params: Mapping[str, Value]
    shape: DataShape
    module: nn.Module
    seed: int
    """Seed of the training: the network may draw more than its weights."""

    def predict(self, rows: Any, params: Any = None) -> Array:
        """Return the outputs for an array of raw inputs, such as uint8 images; ``params`` is not used."""
        with torch.inference_mode():
            outputs: Array = self.module(torch.as_tensor(rows)).numpy()
        return outputs

    def save(self, folder: Path) -> None:
        """Write a readable card and the weights, tensors only."""
        folder.mkdir(exist_ok=True)
        card = {"workload": self.workload, "params": stored(self.params), "shape": asdict(self.shape)}
        text = json.dumps({**card, "seed": self.seed}, indent=1)
        (folder / CARD).write_text(text, encoding="utf-8")
        torch.save(self.module.state_dict(), folder / WEIGHTS)


def network_model(workload_name: str, uri: str, search: SearchData) -> NetworkModel:
    """Return the model of the checkpoint ``uri``."""
    hp, data, model = trained(workload_name, uri, search)
    exported = Exported(data.prepare, model, data.shape).eval().requires_grad_(False)
    return NetworkModel(workload_name, vars(hp), data.shape, exported, checkpoint.progress(uri).seed)


def load(folder: Path) -> NetworkModel:
    """Return the model that ``save`` wrote to ``folder``; the user's module must be importable."""
    read = json.loads((folder / CARD).read_text(encoding="utf-8"))
    facts: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in read["shape"].items()}
    shape = DataShape(**facts)
    weights = torch.load(folder / WEIGHTS, map_location="cpu", weights_only=True)
    kind, params, seed = workload(read["workload"]), restored(read["params"]), read["seed"]
    prepare: nn.Module = Codes()
    if "preprocess.mean" in weights:
        prepare = Preprocess(Statistics(*(weights[f"preprocess.{name}"].numpy() for name in STATISTICS)))
    model = first_model(kind, Trainee(seed, kind.hyperparameters(**params)), shape).float()
    module = Exported(prepare, model, shape)
    module.load_state_dict(weights)
    return NetworkModel(read["workload"], params, shape, module.eval().requires_grad_(False), seed)


def _load_pyfunc(data_path: str) -> NetworkModel:
    """Load the model for MLflow, which calls the function of this name in its loader module."""
    return load(Path(data_path))
