"""Callbacks of Keras that log each epoch, as W&B's do."""

from __future__ import annotations

from typing import Any

import keras


def _log(values: dict[str, Any]) -> None:
    from ..runs import current  # the module is imported before a run begins

    current().log(values)


def _learning_rate(model: Any) -> float | None:
    try:
        return float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))
    except (AttributeError, TypeError, ValueError):
        return None


class WandbMetricsLogger(keras.callbacks.Callback):  # type: ignore[misc] # keras has no types
    """Logs ``epoch/NAME`` at the end of each epoch, or ``batch/NAME`` every ``log_freq`` batches."""

    def __init__(self, log_freq: Any = "epoch", initial_global_step: int = 0, **_: Any) -> None:
        super().__init__()
        self.every = 1 if log_freq == "batch" else log_freq if isinstance(log_freq, int) else None
        self.batch = 0

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Log the epoch's values."""
        values: dict[str, Any] = {f"epoch/{name}": value for name, value in (logs or {}).items()}
        rate = _learning_rate(self.model)
        _log({**values, "epoch/epoch": epoch, **({} if rate is None else {"epoch/learning_rate": rate})})

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Log the batch's values, if it is due."""
        if self.every and batch % self.every == 0:
            values: dict[str, Any] = {f"batch/{name}": value for name, value in (logs or {}).items()}
            _log({**values, "batch/batch_step": self.batch})
            self.batch += self.every


class WandbCallback(keras.callbacks.Callback):  # type: ignore[misc] # keras has no types
    """Logs the values of each epoch by their own names; models and gradients are not kept."""

    def __init__(self, *_: Any, **__: Any) -> None:
        super().__init__()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Log the epoch's values."""
        _log({"epoch": epoch, **(logs or {})})


class WandbModelCheckpoint(keras.callbacks.ModelCheckpoint):  # type: ignore[misc] # keras has no types
    """Keras's own callback: files are written where it is told to."""


__all__ = ["WandbCallback", "WandbMetricsLogger", "WandbModelCheckpoint"]
