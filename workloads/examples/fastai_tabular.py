"""fast.ai: a perceptron trained by a Learner; a callback reports each epoch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from workloads.own_loop import Run

FILE = "learner.pth"


def _learner(x: Any, y: Any, num_outputs: int, width: int, batch_size: int) -> Any:
    import torch
    from fastai.data.core import DataLoaders
    from fastai.learner import Learner
    from fastai.metrics import accuracy
    from torch import nn
    from torch.utils.data import TensorDataset

    parts = [
        TensorDataset(torch.from_numpy(a.reshape(len(a), -1).astype(np.float32)), torch.from_numpy(b))
        for a, b in zip(x, y, strict=True)
    ]
    loaders = DataLoaders.from_dsets(*parts, bs=batch_size, device="cpu")
    num_inputs = parts[0].tensors[0].shape[1]
    net = nn.Sequential(
        nn.BatchNorm1d(num_inputs), nn.Linear(num_inputs, width), nn.ReLU(), nn.Linear(width, num_outputs)
    )
    return Learner(loaders, net, loss_func=nn.CrossEntropyLoss(), metrics=accuracy, path=Path(), cbs=[])


def train(run: Run, *, lr: float = 0.003, width: int = 32, batch_size: int = 64) -> None:
    """Perceptron trained by fast.ai's Learner."""
    import torch
    from fastai.callback.core import Callback

    torch.manual_seed(run.seed + run.epoch)
    data = ((run.x_train, run.x_val), (run.y_train, run.y_val))
    learner = _learner(*data, run.num_outputs, width, batch_size)
    if run.folder is not None:
        learner.model.load_state_dict(torch.load(run.folder / FILE, weights_only=True))

    class Report(Callback):  # type: ignore[misc]
        """Reports each epoch to the sweep."""

        def after_epoch(self) -> None:
            """Report the epoch's metrics, after its validation."""
            train_loss, val_loss, val_accuracy = learner.recorder.log[1:4]
            run.report(
                lambda folder: torch.save(learner.model.state_dict(), folder / FILE),
                train_loss=train_loss,
                val_loss=val_loss,
                val_accuracy=val_accuracy,
            )

    with learner.no_logging():
        learner.fit(run.num_epochs - run.epoch, lr, cbs=[Report()])


def predict(folder: Path, x: Any) -> Any:
    """Return logits (rows, classes)."""
    import torch
    from torch import nn

    state = torch.load(folder / FILE, weights_only=True)
    num_inputs, (num_outputs, width) = state["0.weight"].shape[0], state["3.weight"].shape
    net = nn.Sequential(
        nn.BatchNorm1d(num_inputs), nn.Linear(num_inputs, width), nn.ReLU(), nn.Linear(width, num_outputs)
    )
    net.load_state_dict(state)
    with torch.no_grad():
        return net.eval()(torch.from_numpy(x.reshape(len(x), -1).astype(np.float32))).numpy()


predict.returns = "logits"  # type: ignore[attr-defined]
