"""The model of a user's function: its ``predict`` with the files that it saved."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from workloads.files.saved_files import SavedFiles
from workloads.models.custom.predictions import Predictions
from workloads.training.setup import MemberState, State

EARLIER = "files"
"""Tensor in which versions before 0.3 kept a ZIP archive of the files."""


class Predictor(nn.Module):
    """Model from inputs (rows, *example) to scores (rows, outputs), by the user's ``predict`` and saved files."""

    def __init__(self, predict: Callable[..., Any] | None, predictions: Predictions) -> None:
        super().__init__()
        self.predict, self._predictions = predict, predictions
        self._files: SavedFiles | None = None

    def take(self, state: MemberState) -> None:
        """Take a copy of the saved files: ``predict`` may do what it likes to it."""
        files = state.files or earlier_files(state.model)
        self._files = files and files.copied()

    def forward(self, x: Any) -> Tensor:
        """Return float64 scores (rows, outputs), as ``Predictions.scores`` reads them, of a tensor or a DataFrame.

        Raises RuntimeError for what cannot be read, and where nothing was saved.
        """
        assert self.predict is not None
        if self._files is None:
            raise RuntimeError("there is nothing to predict with: run.report(save) saved no files")
        returned = self.predict(self._files.path, x.cpu().numpy() if isinstance(x, Tensor) else x)
        return torch.from_numpy(self._predictions.scores(returned, len(x)))


def earlier_files(state: State) -> SavedFiles | None:
    """Return the files in a state of an earlier version; None where it has none."""
    archive = io.BytesIO(state[EARLIER].cpu().numpy().tobytes()) if EARLIER in state else io.BytesIO()
    if not zipfile.is_zipfile(archive):
        return None
    files = SavedFiles.empty()
    with zipfile.ZipFile(archive) as found:
        found.extractall(files.path)
    return files
