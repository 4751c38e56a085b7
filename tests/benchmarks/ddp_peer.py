"""Peer of ``distributed``: plain DDP as in torch's tutorial on the same data, under torchrun with two gloo workers.

Rank 0 prints one line of JSON: seconds of every epoch, validation included, and the time of the first step.
"""

from __future__ import annotations

import json
import sys
import time

import torch
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel

from search_spaces.spec.data import Data
from workloads.data.prepare import prepare
from workloads.registry import workload


def main(spec: str) -> None:
    """Train as ``spec`` says, JSON with workload, data, params and epochs."""
    wanted = json.loads(spec)
    torch.distributed.init_process_group("gloo")
    rank, size = torch.distributed.get_rank(), torch.distributed.get_world_size()
    kind = workload(wanted["workload"])
    hp = kind.hyperparameters(**wanted["params"])
    search = prepare(Data.model_validate(wanted["data"])).search
    data = kind.data(hp, search, torch.device("cpu"), torch.float32)
    torch.manual_seed(0)
    model = DistributedDataParallel(kind.build(hp, data.shape))
    optimizer = torch.optim.Adam(model.parameters(), hp.lr)
    epochs, first = [], 0.0
    for epoch in range(wanted["epochs"]):
        begun = time.perf_counter()
        model.train()
        order = torch.randperm(len(data.y_train), generator=torch.Generator().manual_seed(epoch))
        hits = losses = 0.0
        for batch in order.split(hp.batch_size):
            own = batch.tensor_split(size)[rank]
            if len(own) < 2:
                continue
            x, y = data.inputs(data.x_train[own]), data.y_train[own]
            optimizer.zero_grad()
            output = model(x)
            loss = cross_entropy(output, y)
            loss.backward()
            optimizer.step()
            first = first or time.time()
            losses += loss.item() * len(own)
            hits += (output.argmax(1) == y).sum().item()
        model.eval()
        with torch.no_grad():
            x, y = data.x_val.tensor_split(size)[rank], data.y_val.tensor_split(size)[rank]
            right = sum(
                (model.module(data.inputs(part)).argmax(1) == wanted).sum().item()
                for part, wanted in zip(x.split(512), y.split(512), strict=True)
            )
        total = torch.tensor([losses, hits, right])
        torch.distributed.all_reduce(total)
        epochs.append(time.perf_counter() - begun)
    if rank == 0:
        print(
            json.dumps({"seconds": epochs, "first_step": first, "val_accuracy": total[2].item() / len(data.y_val)})
        )
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(sys.argv[1])
