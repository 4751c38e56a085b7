"""Hugging Face Accelerate: a perceptron in a loop of one's own; ``resources: {workers: 2}`` trains it on two."""

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
    """Perceptron trained with Hugging Face Accelerate."""
    import torch
    from torch.nn.functional import cross_entropy
    from torch.utils.data import DataLoader, TensorDataset

    from workloads.bridges import accelerate as bridge  # 1,500 ms

    def table(x: Any, y: Any) -> Any:
        return TensorDataset(torch.from_numpy(x.reshape(len(x), -1).astype(np.float32)), torch.from_numpy(y))

    accelerator = bridge.accelerator(run)
    net = network(int(np.prod(run.x_train.shape[1:])), width, run.num_outputs)
    train_rows = DataLoader(table(run.x_train, run.y_train), batch_size // run.world_size, shuffle=True)
    val_rows = DataLoader(table(run.x_val, run.y_val), batch_size)
    net, optimizer, train_rows, val_rows = accelerator.prepare(
        net, torch.optim.Adam(net.parameters(), lr), train_rows, val_rows
    )
    bridge.resume(run, accelerator)
    for epoch in range(run.epoch, run.num_epochs):
        net.train()
        train_rows.set_epoch(epoch)
        for x, y in train_rows:
            loss = cross_entropy(net(x), y)
            optimizer.zero_grad()
            accelerator.backward(loss)
            optimizer.step()
        net.eval()
        with torch.no_grad():
            found = [accelerator.gather_for_metrics((net(x), y)) for x, y in val_rows]
        logits, targets = (torch.cat(parts) for parts in zip(*found, strict=True))
        bridge.report(
            run,
            accelerator,
            train_loss=loss.item(),
            val_loss=cross_entropy(logits, targets).item(),
            val_accuracy=(logits.argmax(1) == targets).float().mean().item(),
        )


def predict(folder: Path, x: Any) -> Any:
    """Return logits (rows, classes)."""
    import torch
    from safetensors.torch import load_file

    weights = load_file(folder / "model.safetensors")
    net = network(weights["0.weight"].shape[0], *weights["3.weight"].shape[::-1]).eval()
    net.load_state_dict(weights)
    with torch.no_grad():
        return net(torch.from_numpy(x.reshape(len(x), -1).astype(np.float32))).numpy()


predict.returns = "logits"  # type: ignore[attr-defined]
