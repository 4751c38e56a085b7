"""PyTorch Lightning: a perceptron; with ``resources: {workers: 2}`` two processes train it together (DDP)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from workloads.own_loop import Run


def network(num_inputs: int, width: int, num_outputs: int) -> Any:
    """Return a network with batch norm and one hidden layer of ``width`` units."""
    from torch import nn

    return nn.Sequential(
        nn.BatchNorm1d(num_inputs), nn.Linear(num_inputs, width), nn.ReLU(), nn.Linear(width, num_outputs)
    )


def perceptron(net: Any, lr: float) -> Any:
    """Return ``net`` with its training and validation steps as a LightningModule."""
    import lightning
    import torch
    from torch.nn.functional import cross_entropy

    class Perceptron(lightning.LightningModule):  # type: ignore[misc]
        """The network and its steps."""

        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def training_step(self, batch: Any, index: int) -> Any:
            """Return the mini-batch's mean cross-entropy."""
            return cross_entropy(self.net(batch[0]), batch[1])

        def validation_step(self, batch: Any, index: int) -> None:
            """Log loss and accuracy, so that the callback finds them."""
            logits = self.net(batch[0])
            accuracy = (logits.argmax(1) == batch[1]).float().mean()
            self.log_dict({"val_loss": cross_entropy(logits, batch[1]), "val_accuracy": accuracy}, sync_dist=True)

        def configure_optimizers(self) -> Any:
            """Return Adam with rate ``lr``."""
            return torch.optim.Adam(self.parameters(), lr)

    return Perceptron()


def train(run: Run, *, lr: float = 0.003, width: int = 32, batch_size: int = 64) -> None:
    """Perceptron trained by PyTorch Lightning."""
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    from workloads.bridges import lightning as bridge  # 4,000 ms

    def table(x: Any, y: Any) -> Any:
        return TensorDataset(torch.from_numpy(x.reshape(len(x), -1).astype(np.float32)), torch.from_numpy(y))

    net = network(int(np.prod(run.x_train.shape[1:])), width, run.num_outputs)
    trainer = bridge.trainer(run, num_sanity_val_steps=0)
    trainer.fit(
        perceptron(net, lr),
        DataLoader(table(run.x_train, run.y_train), batch_size // run.world_size, shuffle=True),
        DataLoader(table(run.x_val, run.y_val), len(run.x_val)),
        ckpt_path=bridge.checkpoint(run),
    )


def predict(folder: Path, x: Any) -> Any:
    """Return logits (rows, classes)."""
    import torch

    from workloads.bridges.lightning import FILE  # 4,000 ms

    state = torch.load(folder / FILE, weights_only=True)["state_dict"]
    weights = {name.removeprefix("net."): value for name, value in state.items()}
    net = network(weights["0.weight"].shape[0], *weights["3.weight"].shape[::-1]).eval()
    net.load_state_dict(weights)
    with torch.no_grad():
        return net(torch.from_numpy(x.reshape(len(x), -1).astype(np.float32))).numpy()


predict.returns = "logits"  # type: ignore[attr-defined]
