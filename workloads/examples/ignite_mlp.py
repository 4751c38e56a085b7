"""PyTorch Ignite: a perceptron trained by an Engine, and judged by another after each epoch."""

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


def train(run: Run, *, lr: float = 0.003, width: int = 32, batch_size: int = 64) -> None:
    """Perceptron trained by PyTorch Ignite."""
    import torch
    from ignite.engine import Events, create_supervised_evaluator, create_supervised_trainer
    from ignite.metrics import Accuracy, Loss
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset

    from workloads.bridges import ignite as bridge  # 1,500 ms

    def table(x: Any, y: Any) -> Any:
        return TensorDataset(torch.from_numpy(x.reshape(len(x), -1).astype(np.float32)), torch.from_numpy(y))

    net = network(int(np.prod(run.x_train.shape[1:])), width, run.num_outputs)
    optimizer, loss = torch.optim.Adam(net.parameters(), lr), nn.CrossEntropyLoss()
    trainer = create_supervised_trainer(net, optimizer, loss)
    metrics = {"val_accuracy": Accuracy(), "val_loss": Loss(loss)}
    evaluator = create_supervised_evaluator(net, metrics)
    val_rows = DataLoader(table(run.x_val, run.y_val), batch_size)
    trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.run(val_rows))
    bridge.report_epochs(run, trainer, evaluator, {"model": net, "optimizer": optimizer})
    train_rows = DataLoader(table(run.x_train, run.y_train), batch_size, shuffle=True)
    trainer.run(train_rows, max_epochs=run.num_epochs)


def predict(folder: Path, x: Any) -> Any:
    """Return logits (rows, classes)."""
    import torch

    from workloads.bridges.ignite import FILE  # 1,500 ms

    weights = torch.load(folder / FILE, weights_only=True)["model"]
    net = network(weights["0.weight"].shape[0], *weights["3.weight"].shape[::-1]).eval()
    net.load_state_dict(weights)
    with torch.no_grad():
        return net(torch.from_numpy(x.reshape(len(x), -1).astype(np.float32))).numpy()


predict.returns = "logits"  # type: ignore[attr-defined]
