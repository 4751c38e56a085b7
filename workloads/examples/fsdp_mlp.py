"""PyTorch alone: a perceptron divided among the workers (FSDP2), each of which saves its shard.

What two workers have saved can be read by any other number (torch.distributed.checkpoint).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from workloads.own_loop import Run

SIZES = "sizes.json"


def network(num_inputs: int, width: int, num_outputs: int) -> Any:
    """Return a network with one hidden layer of ``width`` units."""
    from torch import nn

    return nn.Sequential(
        nn.LayerNorm(num_inputs), nn.Linear(num_inputs, width), nn.ReLU(), nn.Linear(width, num_outputs)
    )


def train(run: Run, *, lr: float = 0.003, width: int = 32, batch_size: int = 64) -> None:
    """Perceptron trained by a loop of one's own, with FSDP2 on several workers."""
    import torch
    from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict
    from torch.distributed.checkpoint.state_dict_loader import load as load_shards
    from torch.distributed.checkpoint.state_dict_saver import save as save_shard
    from torch.distributed.fsdp import fully_shard
    from torch.nn.functional import cross_entropy

    sizes = int(np.prod(run.x_train.shape[1:])), width, run.num_outputs
    x_train, x_val = (
        torch.from_numpy(x.reshape(len(x), -1).astype(np.float32)).to(run.device) for x in (run.x_train, run.x_val)
    )
    y_train, y_val = (torch.from_numpy(y).to(run.device) for y in (run.y_train, run.y_val))
    torch.manual_seed(run.seed)
    net = network(*sizes).to(run.device)
    if run.world_size > 1:
        fully_shard(net)
    optimizer = torch.optim.Adam(net.parameters(), lr)
    if run.folder is not None:
        model_state, optimizer_state = get_state_dict(net, optimizer)
        state: dict[str, Any] = {"net": model_state, "optimizer": optimizer_state}
        load_shards(state, checkpoint_id=run.folder)
        set_state_dict(net, optimizer, model_state_dict=state["net"], optim_state_dict=state["optimizer"])

    def save(folder: Path) -> None:
        model_state, optimizer_state = get_state_dict(net, optimizer)
        save_shard({"net": model_state, "optimizer": optimizer_state}, checkpoint_id=folder)
        if run.rank == 0:
            (folder / SIZES).write_text(json.dumps(sizes))

    for epoch in range(run.epoch, run.num_epochs):
        order = torch.randperm(len(x_train), generator=torch.Generator().manual_seed(run.seed + epoch))
        for batch in order[: len(order) // batch_size * batch_size].split(batch_size):
            own = batch[
                run.rank :: run.world_size
            ]  # one worker may have a row more: FSDP averages over the workers
            loss = cross_entropy(net(x_train[own]), y_train[own], reduction="sum") * run.world_size / len(batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            logits = net(x_val)
        run.report(
            save,
            sharded=True,
            train_loss=loss.item(),
            val_loss=cross_entropy(logits, y_val).item(),
            val_accuracy=(logits.argmax(1) == y_val).float().mean().item(),
        )


def predict(folder: Path, x: Any) -> Any:
    """Return logits (rows, classes)."""
    import torch
    from torch.distributed.checkpoint.state_dict_loader import load as load_shards

    net = network(*json.loads((folder / SIZES).read_text()))
    state = {"net": net.state_dict()}
    load_shards(state, checkpoint_id=folder, no_dist=True)
    net.load_state_dict(state["net"])
    with torch.no_grad():
        return net(torch.from_numpy(x.reshape(len(x), -1).astype(np.float32))).numpy()


predict.returns = "logits"  # type: ignore[attr-defined]
