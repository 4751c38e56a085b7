"""A trained model of sentences for raw texts: saved as plain files, loaded by MLflow or by ``load``.

model = mlflow.pyfunc.load_model("models:/NAME@champion")     # or workloads.champion.text_model.load(FOLDER)
model.predict(pandas.DataFrame({"review": ["a fine film", "a dull one"]}))
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from workloads.arrays import DataError
from workloads.champion.export import trained
from workloads.champion.table_model import (
    MODEL,
    WEIGHTS,
    Card,
    card_of,
    example_rows,
    model_of,
    predicted,
    read_card,
)
from workloads.data.search_data import SearchData
from workloads.layers.text_codes import TextCodes, padded
from workloads.models.recurrent.tokens import Tokens
from workloads.tables.columns import decode, encode

TOKENS = "tokens.json"
ROWS_AT_ONCE = 256


@dataclass(frozen=True)
class TextModel:
    """A trained model of sentences with its vocabulary: raw texts in, predictions out."""

    card: Card
    tokens: Tokens
    model: nn.Module
    packages: ClassVar = ("paceline", "torch", "numpy", "pandas", "tokenizers")
    """Packages that serving the model needs; tokenizers only for subwords."""

    def predict(self, rows: Any, params: Any = None) -> Any:
        """Predict for texts: a DataFrame or records by column name, or a list or Series of texts, or of pairs.

        Returns a DataFrame as that of a table's model. A missing text is an empty one. Raises DataError where a
        column of texts is missing, or texts are not given in one of these forms. ``params`` is part of MLflow's
        signature and not used.
        """
        frame = frame_of(rows, [column.name for column in self.card.columns])
        x, columns = encode(frame, self.card.columns, "the rows")
        cells = decode(x, columns).fillna("").itertuples(index=False, name=None)
        return predicted(self._outputs(list(cells)), self.card, frame.index)

    def _outputs(self, cells: Sequence[tuple[str, ...]]) -> Any:
        codes = self.tokens.coded(cells)
        parts = [padded(codes[start : start + ROWS_AT_ONCE]) for start in range(0, len(codes), ROWS_AT_ONCE)]
        none = torch.zeros(0, self.card.shape.num_outputs)
        with torch.inference_mode():
            return torch.cat([none, *(self.model(part) for part in parts)]).double().numpy()

    def save(self, folder: Path) -> None:
        """Write ``model.json`` and ``tokens.json`` (readable), and the weights (tensors only)."""
        folder.mkdir(exist_ok=True)
        (folder / MODEL).write_text(json.dumps(asdict(self.card), indent=1), encoding="utf-8")
        (folder / TOKENS).write_text(self.tokens.to_json(), encoding="utf-8")
        torch.save(self.model.state_dict(), folder / WEIGHTS)


def frame_of(rows: Any, names: Sequence[str]) -> Any:
    """Return texts in any form that ``predict`` takes as a DataFrame with the columns ``names``.

    Raises DataError for other forms.
    """
    import pandas as pd

    if isinstance(rows, pd.DataFrame):
        # MLflow names the only column of a list of texts 0.
        return rows.set_axis(names, axis=1) if list(rows.columns) == list(range(len(names))) else rows
    if isinstance(rows, str) or getattr(rows, "ndim", 1) == 0:  # an array of no dimension: JSON's single text
        raise DataError("the rows: must be a list of texts, received one text")
    index = rows.index if isinstance(rows, pd.Series) else None
    rows = rows.tolist() if index is not None else rows
    if isinstance(rows, dict) or (len(rows) and isinstance(rows[0], dict)):
        return pd.DataFrame(rows)
    if unlike := [k for k, row in enumerate(rows) if _num_texts(row) != len(names)]:
        kind = "texts" if len(names) == 1 else f"pairs of texts, {' and '.join(names)}"
        raise DataError(f"the rows: must be a list of {kind}, row {unlike[0]} has {_num_texts(rows[unlike[0]])}")
    return pd.DataFrame(list(rows), columns=names, index=index)


def _num_texts(row: Any) -> int:
    return len(row) if isinstance(row, list | tuple | np.ndarray) else 1


def load(folder: Path | str) -> TextModel:
    """Return the model that ``save`` wrote to ``folder``."""
    folder = Path(folder)
    card = read_card(folder)
    tokens = Tokens.of_json((folder / TOKENS).read_text(encoding="utf-8"))
    return TextModel(card, tokens, model_of(card, folder))


def _load_pyfunc(data_path: str) -> TextModel:
    """Load the model for MLflow, which calls the function of this name in its loader module."""
    return load(data_path)


def made(workload_name: str, uri: str, search: SearchData) -> tuple[TextModel, Any]:
    """Return the model of the checkpoint ``uri``, with a few texts of the training split as an example."""
    hp, data, model = trained(workload_name, uri, search)
    assert isinstance(data.prepare, TextCodes) and isinstance(data.prepare.tokens, Tokens)
    card = card_of(workload_name, uri, asdict(hp), data.shape, search)
    return TextModel(card, data.prepare.tokens, model.requires_grad_(False)), example_rows(search)
