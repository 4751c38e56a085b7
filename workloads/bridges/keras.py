"""Keras: a callback that reports each epoch, and the model from which training goes on.

from workloads.bridges import keras as bridge

def train(run, *, lr: float = 1e-3):
    model = bridge.saved(run) or build(lr)
    callbacks = bridge.callbacks(run, keras.callbacks.ReduceLROnPlateau())
    model.fit(..., epochs=run.num_epochs, initial_epoch=run.epoch, callbacks=callbacks)
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workloads.models.custom.run import Run

os.environ.setdefault("KERAS_BACKEND", "torch")  # unless the user has chosen another: TensorFlow may not be there
import keras

FILE, NUMBERS, ARRAYS = "model.keras", "callbacks.json", "callbacks.npz"
STOPS = {"stops": True}
"""What stands behind the callbacks' numbers where training was to stop."""
SET_ANEW = ("min_delta",)
"""Attributes of Keras's callbacks that are no state: they take their sign when the metric is first seen."""


class ReportEpochs(keras.callbacks.Callback):  # type: ignore[misc]
    """Reports each epoch with Keras's own names (``loss``, ``val_loss`` ...), and saves the whole model.

    ``others`` are the callbacks that stand before it in ``fit``: what they have counted and kept goes on, too.
    """

    def __init__(self, run: Run, others: Sequence[Any] = ()) -> None:
        super().__init__()
        self._run, self._others = run, others
        self._begun: list[dict[str, Any]] = []
        """What the other callbacks have where a training begins."""

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Give the other callbacks what they had, if training goes on: Keras has them begin anew.

        Where it was to stop behind the epoch from which it goes on, it trains none.
        """
        self._begun = [dict(vars(one)) for one in self._others]
        if self._run.folder is not None and (self._run.folder / NUMBERS).exists():
            numbers = json.loads((self._run.folder / NUMBERS).read_text())
            with np.load(self._run.folder / ARRAYS) as arrays:
                for place, one in enumerate(self._others):
                    vars(one).update(numbers[place] | _of_place(arrays, place))
            if numbers[len(self._others) :] == [STOPS]:
                self.model._initial_epoch = self.params["epochs"]  # where Keras's BackupAndRestore begins

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Let a further ``fit`` train."""
        self.model._initial_epoch = None

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Report the epoch."""
        told: dict[str, Any] = {name: float(value) for name, value in (logs or {}).items()}
        self._run.report(self._save, **told)

    def _save(self, folder: Path) -> None:
        self.model.save(folder / FILE)
        changed = [
            {
                name: value
                for name, value in vars(one).items()
                if name not in SET_ANEW and value is not begun.get(name)
            }
            for one, begun in zip(self._others, self._begun, strict=True)
        ]
        numbers = [{name: _plain(v) for name, v in each.items() if _is_plain(v)} for each in changed]
        arrays = {
            f"{place}.{name}.{k}": array
            for place, each in enumerate(changed)
            for name, value in each.items()
            if isinstance(value, list) and all(isinstance(array, np.ndarray) for array in value)
            for k, array in enumerate(value)
        }
        (folder / NUMBERS).write_text(json.dumps([*numbers, *([STOPS] if self.model.stop_training else [])]))
        np.savez(folder / ARRAYS, **arrays)


def callbacks(run: Run, *others: Any) -> list[Any]:
    """Return ``others`` and, behind them, the one that reports: what they do in an epoch is saved with it."""
    return [*others, ReportEpochs(run, others)]


def saved(run: Run, **given: Any) -> Any:
    """Return the compiled model from which training goes on; None at the start. ``given`` is for ``load_model``."""
    return None if run.folder is None else keras.models.load_model(run.folder / FILE, **given)


def _of_place(arrays: Mapping[str, Any], place: int) -> dict[str, list[Any]]:
    """Return the lists of arrays of the callback at ``place``, such as EarlyStopping's best weights."""
    found: dict[str, list[Any]] = {}
    for key in arrays:
        at, name, _ = key.split(".")
        if int(at) == place:
            found.setdefault(name, []).append(arrays[key])
    return found


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | str | np.generic)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
