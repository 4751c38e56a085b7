"""Keras 3 on its torch backend: a perceptron; a callback reports each epoch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from workloads.own_loop import Run


def train(run: Run, *, lr: float = 0.003, width: int = 32, batch_size: int = 64) -> None:
    """Perceptron trained by Keras."""
    from workloads.bridges import keras as bridge  # isort: skip # 2,000 ms; it chooses the backend
    import keras

    keras.utils.set_random_seed(run.seed + run.epoch)
    x_train, x_val = (x.reshape(len(x), -1).astype(np.float32) for x in (run.x_train, run.x_val))
    model = bridge.saved(run)
    if model is None:
        layers = [keras.layers.BatchNormalization(), keras.layers.Dense(width, "relu")]
        model = keras.Sequential([keras.Input(x_train.shape[1:]), *layers, keras.layers.Dense(run.num_outputs)])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(lr), loss, metrics=["accuracy"])
    model.fit(
        x_train,
        run.y_train,
        batch_size,
        epochs=run.num_epochs,
        initial_epoch=run.epoch,
        validation_data=(x_val, run.y_val),
        callbacks=[bridge.ReportEpochs(run)],
        verbose=0,
    )


def predict(folder: Path, x: Any) -> Any:
    """Return logits (rows, classes)."""
    from workloads.bridges.keras import FILE  # isort: skip # 2,000 ms; it chooses the backend
    import keras

    model = keras.models.load_model(folder / FILE)
    return model.predict(x.reshape(len(x), -1).astype(np.float32), verbose=0)


predict.returns = "logits"  # type: ignore[attr-defined]
