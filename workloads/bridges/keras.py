"""Keras: a callback that reports each epoch, and the model from which training goes on.

from workloads.bridges import keras as bridge

def train(run, *, lr: float = 1e-3):
    model = bridge.saved(run) or build(lr)
    model.fit(..., epochs=run.num_epochs, initial_epoch=run.epoch, callbacks=[bridge.ReportEpochs(run)])
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workloads.models.custom.run import Run

os.environ.setdefault("KERAS_BACKEND", "torch")  # unless the user has chosen another: TensorFlow may not be there
import keras

FILE = "model.keras"


class ReportEpochs(keras.callbacks.Callback):  # type: ignore[misc]
    """Reports each epoch with Keras's own names (``loss``, ``val_loss`` ...), and saves the whole model."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self._run = run

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Report the epoch."""
        told: dict[str, Any] = {name: float(value) for name, value in (logs or {}).items()}
        self._run.report(self._save, **told)

    def _save(self, folder: Path) -> None:
        self.model.save(folder / FILE)


def saved(run: Run, **given: Any) -> Any:
    """Return the compiled model from which training goes on; None at the start. ``given`` is for ``load_model``."""
    return None if run.folder is None else keras.models.load_model(run.folder / FILE, **given)
