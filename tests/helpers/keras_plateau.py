"""A training in Keras whose rate waits for a metric that never falls."""

from __future__ import annotations

from typing import Any


def train(run: Any, *, lr: float = 0.5, epochs_each: int = 2) -> None:
    """Halve the rate every ``epochs_each`` epochs; report how long it has waited and the best weights."""
    from workloads.bridges import keras as bridge  # isort: skip # it chooses the backend
    import keras
    import numpy as np

    model = bridge.saved(run)
    if model is None:
        layer = keras.layers.Dense(1, trainable=False, kernel_initializer="ones")
        model = keras.Sequential([keras.Input((2,)), layer])
        model.compile(keras.optimizers.SGD(lr), "mse")
    plateau = keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.5, patience=epochs_each)
    stopping = keras.callbacks.EarlyStopping("val_loss", patience=9, restore_best_weights=True)

    class Told(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            logs |= {
                "waited": stopping.wait,
                "best_at": stopping.best_epoch,
                "sum": stopping.best_weights[0].sum(),
            }

    x, y = np.ones((4, 2), "float32"), np.zeros((4, 1), "float32")
    told = bridge.callbacks(run, plateau, stopping, Told())
    model.fit(
        x, y, 2, epochs=run.num_epochs, initial_epoch=run.epoch, validation_data=(x, y), callbacks=told, verbose=0
    )
