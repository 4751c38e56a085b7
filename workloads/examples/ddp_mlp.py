"""PyTorch alone: a perceptron, which ``resources: {workers: 2}`` trains on two workers with DDP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from workloads.own_loop import Run

FILE = "training.pt"


def network(num_inputs: int, width: int, num_outputs: int) -> Any:
    """Return a network with batch norm and one hidden layer of ``width`` units."""
    from torch import nn

    return nn.Sequential(
        nn.BatchNorm1d(num_inputs), nn.Linear(num_inputs, width), nn.ReLU(), nn.Linear(width, num_outputs)
    )


def train(run: Run, *, lr: float = 0.003, width: int = 32, batch_size: int = 64) -> None:
    """Perceptron trained by a loop of one's own, with DDP on several workers."""
    import torch
    from torch.nn.functional import cross_entropy
    from torch.nn.parallel import DistributedDataParallel
    from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

    def table(x: Any, y: Any) -> Any:
        return TensorDataset(torch.from_numpy(x.reshape(len(x), -1).astype(np.float32)), torch.from_numpy(y))

    torch.manual_seed(run.seed)
    net = network(int(np.prod(run.x_train.shape[1:])), width, run.num_outputs).to(run.device)
    optimizer = torch.optim.Adam(net.parameters(), lr)
    if run.folder is not None:  # every worker loads the same file
        saved = torch.load(run.folder / FILE, map_location=run.device, weights_only=True)
        net.load_state_dict(saved["net"])
        optimizer.load_state_dict(saved["optimizer"])
    rows, val_rows = table(run.x_train, run.y_train), table(run.x_val, run.y_val)
    own: Any = DistributedSampler(rows, run.world_size, run.rank, seed=run.seed)
    loader = DataLoader(rows, batch_size // run.world_size, sampler=own)
    model = DistributedDataParallel(net) if run.world_size > 1 else net

    def save(folder: Path) -> None:
        torch.save({"net": net.state_dict(), "optimizer": optimizer.state_dict()}, folder / FILE)

    for epoch in range(run.epoch, run.num_epochs):
        own.set_epoch(epoch)
        model.train()
        for x, y in loader:
            loss = cross_entropy(model(x.to(run.device)), y.to(run.device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        net.eval()
        with torch.no_grad():
            x, y = val_rows[run.rank :: run.world_size]  # each worker's share: one may have a row more
            logits, y = net(x.to(run.device)), y.to(run.device)
        run.report(
            save,
            reduce={"val_loss": "sum", "val_accuracy": "sum"},
            train_loss=loss.item(),
            val_loss=cross_entropy(logits, y, reduction="sum").item() / len(val_rows),
            val_accuracy=(logits.argmax(1) == y).sum().item() / len(val_rows),
        )


def predict(folder: Path, x: Any) -> Any:
    """Return logits (rows, classes)."""
    import torch

    weights = torch.load(folder / FILE, weights_only=True)["net"]
    net = network(weights["0.weight"].shape[0], *weights["3.weight"].shape[::-1]).eval()
    net.load_state_dict(weights)
    with torch.no_grad():
        return net(torch.from_numpy(x.reshape(len(x), -1).astype(np.float32))).numpy()


predict.returns = "logits"  # type: ignore[attr-defined]
