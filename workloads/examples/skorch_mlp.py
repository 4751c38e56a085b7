"""skorch: a perceptron as a scikit-learn classifier, trained one epoch at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from workloads.own_loop import Run

WEIGHTS, OPTIMIZER = "weights.pt", "optimizer.pt"


def classifier(num_inputs: int, width: int, num_outputs: int, **settings: Any) -> Any:
    """Return skorch's classifier of a network with one hidden layer, made and ready."""
    from skorch import NeuralNetClassifier
    from torch import nn, optim

    net = nn.Sequential(
        nn.BatchNorm1d(num_inputs), nn.Linear(num_inputs, width), nn.ReLU(), nn.Linear(width, num_outputs)
    )
    made = NeuralNetClassifier(
        net, criterion=nn.CrossEntropyLoss, optimizer=optim.Adam, train_split=None, verbose=0, **settings
    )
    return made.initialize()


def flat(x: Any) -> Any:
    """Return examples as rows of numbers."""
    return x.reshape(len(x), -1).astype(np.float32)


def train(run: Run, *, lr: float = 0.003, width: int = 32, batch_size: int = 64) -> None:
    """Perceptron trained by skorch."""
    import torch

    torch.manual_seed(run.seed)
    x_train, x_val = flat(run.x_train), flat(run.x_val)
    classes = np.arange(run.num_outputs)
    model = classifier(x_train.shape[1], width, run.num_outputs, lr=lr, batch_size=batch_size, classes=classes)
    if run.folder is not None:
        model.load_params(f_params=run.folder / WEIGHTS, f_optimizer=run.folder / OPTIMIZER)

    def save(folder: Path) -> None:
        model.save_params(f_params=folder / WEIGHTS, f_optimizer=folder / OPTIMIZER)

    for epoch in range(run.epoch, run.num_epochs):
        torch.manual_seed(run.seed + epoch)
        model.partial_fit(x_train, run.y_train, epochs=1)
        run.report(save, train_loss=model.history[-1, "train_loss"], val_accuracy=model.score(x_val, run.y_val))


def predict(folder: Path, x: Any) -> Any:
    """Return probabilities (rows, classes)."""
    import torch

    weights = torch.load(folder / WEIGHTS, weights_only=True)
    num_outputs, width = weights["3.weight"].shape
    model = classifier(weights["0.weight"].shape[0], width, num_outputs, classes=np.arange(num_outputs))
    model.load_params(f_params=folder / WEIGHTS)
    return model.predict_proba(flat(x))


predict.returns = "probabilities"  # type: ignore[attr-defined]
