"""A table's trained model for raw rows: saved as plain files, loaded by MLflow or by ``load``.

model = mlflow.pyfunc.load_model("models:/NAME@champion")     # or workloads.champion.table_model.load(FOLDER)
model.predict(pandas.read_csv("new.csv"))
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.special import softmax
from torch import nn

from search_spaces.types.values import Value
from workloads.arrays import Array, Column, DataShape
from workloads.champion.export import trained
from workloads.data.search_data import SearchData
from workloads.legs import checkpoint
from workloads.registry import workload
from workloads.tables.columns import decode, encode
from workloads.tables.dates import written
from workloads.tables.pipeline import TRUSTED, Fitted
from workloads.tables.prepare import PrepareTable
from workloads.training.setup import Trainee, first_model

MODEL, WEIGHTS, PIPELINE = "model.json", "weights.pt", "pipeline.skops"
PREDICTION = "prediction"
PACKAGES = ("paceline", "torch", "numpy", "pandas", "scikit-learn", "skops")
"""Packages that serving the model needs."""


@dataclass(frozen=True, kw_only=True)
class Card:
    """Facts about a model that are saved as readable JSON: enough to build it again and to read raw rows."""

    workload: str
    params: Mapping[str, Value]
    """All hyperparameters."""
    shape: DataShape
    columns: tuple[Column, ...]
    classes: tuple[str, ...]
    seed: int = 0
    """Seed of the training: a user's network may draw more than its weights."""


@dataclass(frozen=True)
class TableModel:
    """A trained model of a table with its fitted pipeline: raw rows in, predictions out."""

    card: Card
    fitted: Fitted
    model: nn.Module

    def predict(self, rows: Any, params: Any = None) -> Any:
        """Predict for rows, a DataFrame or records by column name; returns a DataFrame with the same index.

        ``prediction`` is the class, or the number in the target's units. For classes a column of probabilities
        follows for each, under its name. Raises DataError where a column is missing or holds values that its kind
        cannot have; unknown categories are allowed. ``params`` is part of MLflow's signature and not used.
        """
        import pandas as pd

        frame = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(rows)
        x, columns = encode(frame, self.card.columns, "the rows")
        return predicted(self._outputs(self.fitted(decode(x, columns))), self.card, frame.index)

    def _outputs(self, features: Array) -> Array:
        with torch.inference_mode():
            outputs: Array = self.model(torch.from_numpy(features).to(precision(self.model))).double().numpy()
        return outputs

    def save(self, folder: Path) -> None:
        """Write ``model.json`` (readable), the weights (tensors only) and the pipeline (skops, without pickle)."""
        import skops.io

        folder.mkdir(exist_ok=True)
        (folder / MODEL).write_text(json.dumps(asdict(self.card), indent=1), encoding="utf-8")
        torch.save(self.model.state_dict(), folder / WEIGHTS)
        skops.io.dump(self.fitted.transformer, folder / PIPELINE)


def load(folder: Path | str) -> TableModel:
    """Return the model that ``save`` wrote to ``folder``. A user's own workload must be importable."""
    import skops.io

    folder = Path(folder)
    card = read_card(folder)
    transformer = skops.io.load(folder / PIPELINE, trusted=TRUSTED)
    return TableModel(card, Fitted(transformer, card.shape.categories), model_of(card, folder))


def read_card(folder: Path) -> Card:
    """Return the card of the model in ``folder``."""
    read = json.loads((folder / MODEL).read_text(encoding="utf-8"))
    shape = DataShape(**{key: _tuple(value) for key, value in read.pop("shape").items()})
    columns = tuple(
        Column(**{key: _tuple(value) for key, value in column.items()}) for column in read.pop("columns")
    )
    return Card(**{key: _tuple(value) for key, value in read.items()}, shape=shape, columns=columns)


def model_of(card: Card, folder: Path) -> nn.Module:
    """Return the network of ``card`` with the weights in ``folder``, in evaluation mode on the CPU."""
    kind = workload(card.workload)
    model = first_model(kind, Trainee(card.seed, kind.hyperparameters(**card.params)), card.shape)
    model = model.to(precision(model))
    model.load_state_dict(torch.load(folder / WEIGHTS, map_location="cpu", weights_only=True))
    return model.eval().requires_grad_(False)


def precision(model: nn.Module) -> torch.dtype:
    """Return the type of a model's inputs: float32, unless it says another (trees compare in float64)."""
    found: torch.dtype = getattr(model, "input_dtype", torch.float32)
    return found


def predicted(outputs: Array, card: Card, index: Any) -> Any:
    """Return a DataFrame of predictions for a network's ``outputs`` (rows, outputs), in the target's own terms."""
    import pandas as pd

    if not card.classes:
        numbers = outputs[:, 0] * card.shape.target_std + card.shape.target_mean
        return pd.DataFrame({PREDICTION: numbers}, index=index)
    shares = pd.DataFrame(softmax(outputs, axis=1), columns=list(card.classes), index=index)
    shares.insert(0, PREDICTION, np.array(card.classes, dtype=object)[outputs.argmax(axis=1)])
    return shares


def _load_pyfunc(data_path: str) -> TableModel:
    """Load the model for MLflow, which calls the function of this name in its loader module."""
    return load(data_path)


def table_model(workload_name: str, uri: str, search: SearchData) -> tuple[TableModel, Any]:
    """Return the model of the checkpoint ``uri``, with a few raw rows of the training split as an example."""
    hp, data, model = trained(workload_name, uri, search)
    assert isinstance(data.prepare, PrepareTable)
    card = card_of(workload_name, uri, asdict(hp), data.shape, search)
    return TableModel(card, data.prepare.fitted, model.requires_grad_(False)), example_rows(search)


def card_of(
    workload_name: str, uri: str, params: Mapping[str, Value], shape: DataShape, search: SearchData
) -> Card:
    """Return the card of the model of the checkpoint ``uri``, which takes the columns of ``search``.

    Models take categories and texts as words, not codes: their values, training data, are not part of it.
    """
    columns = tuple(c if c.kind == "ordinal" else replace(c, values=()) for c in search.train.columns)
    return Card(
        workload=workload_name,
        params=params,
        shape=shape,
        columns=columns,
        classes=search.classes,
        seed=checkpoint.progress(uri).seed,
    )


def example_rows(search: SearchData, num_rows: int = 4) -> Any:
    """Return the first rows of the training split as a DataFrame of the raw columns, dates as text."""
    import pandas as pd

    frame = decode(search.train.x[:num_rows], search.train.columns)
    for column in search.train.columns:
        if column.kind == "datetime":
            frame[column.name] = written(pd.to_datetime(frame[column.name], unit="s"), column.date_format)
    return frame


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
