"""Keras 3 on its torch backend: a perceptron; a callback reports each epoch."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from workloads.models.custom.run import Run

FILE = "model.keras"


def _keras() -> Any:
    os.environ.setdefault("KERAS_BACKEND", "torch")
    import keras

    return keras


def train(run: Run, *, lr: float = 0.003, width: int = 32, batch_size: int = 64) -> None:
    """Perceptron trained by Keras."""
    keras = _keras()
    keras.utils.set_random_seed(run.seed + run.epoch)
    x_train, x_val = (x.reshape(len(x), -1).astype(np.float32) for x in (run.x_train, run.x_val))
    if run.folder is None:
        layers = [keras.layers.BatchNormalization(), keras.layers.Dense(width, "relu")]
        model = keras.Sequential([keras.Input(x_train.shape[1:]), *layers, keras.layers.Dense(run.num_outputs)])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(lr), loss, metrics=["accuracy"])
    else:
        model = keras.models.load_model(run.folder / FILE)

    def report(epoch: int, logs: Any) -> None:
        run.report(
            lambda folder: model.save(folder / FILE),
            train_loss=logs["loss"],
            val_loss=logs["val_loss"],
            val_accuracy=logs["val_accuracy"],
        )

    model.fit(
        x_train,
        run.y_train,
        batch_size,
        epochs=run.num_epochs,
        initial_epoch=run.epoch,
        validation_data=(x_val, run.y_val),
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=report)],
        verbose=0,
    )


def predict(folder: Path, x: Any) -> Any:
    """Return logits (rows, classes)."""
    model = _keras().models.load_model(folder / FILE)
    return model.predict(x.reshape(len(x), -1).astype(np.float32), verbose=0)


predict.returns = "logits"  # type: ignore[attr-defined]
