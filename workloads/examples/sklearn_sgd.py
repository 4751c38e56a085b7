"""scikit-learn: a linear classifier trained by stochastic gradient descent, one pass over the data an epoch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from workloads.own_loop import Run

FILE = "weights.npz"


def train(run: Run, *, alpha: float = 1e-4, eta0: float = 0.01, penalty: str = "l2") -> None:
    """scikit-learn's linear classifier (SGDClassifier) on standardised features."""
    from sklearn.linear_model import SGDClassifier
    from sklearn.metrics import log_loss

    x_train, x_val = run.x_train.reshape(len(run.x_train), -1), run.x_val.reshape(len(run.x_val), -1)
    mean, std = x_train.mean(0), x_train.std(0) + 1e-9
    model = SGDClassifier(
        loss="log_loss", alpha=alpha, eta0=eta0, learning_rate="constant", penalty=penalty, random_state=run.seed
    )
    classes = np.arange(run.num_outputs)
    model.partial_fit((x_train[:1] - mean) / std, run.y_train[:1], classes=classes)
    if run.folder is not None:
        with np.load(run.folder / FILE) as saved:
            model.coef_, model.intercept_ = saved["coef"], saved["intercept"]
    for epoch in range(run.epoch, run.num_epochs):
        order = np.random.default_rng((run.seed, epoch)).permutation(len(x_train))
        model.partial_fit((x_train[order] - mean) / std, run.y_train[order])
        chances = model.predict_proba((x_val - mean) / std)
        run.report(
            lambda folder: np.savez(
                folder / FILE, coef=model.coef_, intercept=model.intercept_, mean=mean, std=std
            ),
            val_accuracy=float((chances.argmax(1) == run.y_val).mean()),
            val_loss=log_loss(run.y_val, chances, labels=classes),
        )


def predict(folder: Path, x: Any) -> Any:
    """Return scores (rows, classes), or (rows, 1) for two classes."""
    with np.load(folder / FILE) as saved:
        return ((x.reshape(len(x), -1) - saved["mean"]) / saved["std"]) @ saved["coef"].T + saved["intercept"]


predict.returns = "logits"  # type: ignore[attr-defined]
