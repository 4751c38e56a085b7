"""Training functions for several workers: what they report, save and do wrong."""

from __future__ import annotations

import math
import random
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist


def train(run: Any, *, fault: str = "none") -> None:
    """Report what the fault asks for; each epoch has a sum over the ranks, as DDP has it."""
    dist.init_process_group("gloo")  # as a script does: the group that is there stays
    total = torch.tensor([0.0])
    for epoch in range(run.epoch, run.num_epochs):
        if fault == "ends early" and run.rank == 1 and epoch == 1:
            return
        if fault == "ends before" and run.rank == 1 and epoch == 1:
            dist.all_reduce(total)
            return
        if fault == "returns" and epoch == 2:
            return
        if fault == "raises" and run.rank == 1:
            raise KeyError("column 'age'")
        total += run.rank + 1
        dist.all_reduce(total)
        told = {"val_loss": float(run.rank + epoch), "val_accuracy": run.rank / 2}
        one: dict[str, Any] = {"val_f1": 0.5} if run.rank == 0 else {}
        match fault:
            case "one rank":
                run.report(**told, **one)
            case "rank 0's":
                run.report(**told, **one, reduce={"val_f1": "rank0", "val_accuracy": "max"})
            case "nan":
                run.report(**{**told, "val_loss": math.nan if run.rank else 0.5})
            case "nan of another":
                run.report(**told, val_f1=math.nan if run.rank else 0.5)
            case "unknown reduction":
                run.report(**told, reduce="average")
            case "shards" | "returns":
                run.report(partial(save_shard, run), sharded=True, **told)
            case "saved by one":
                save = partial(save_shard, run) if run.rank == 0 else None
                run.report(save, sharded=run.rank == 1, **told)
            case "same name":
                run.report(partial(save_same, run), sharded=True, **told)
            case "saved alone":
                run.report(save_together, **told)
            case "fewer":
                if run.rank == 0 or epoch % 2:
                    run.report(**told)
            case "drawn":
                drawn = [random.random(), float(np.random.rand()), float(torch.rand(()))]
                run.report(partial(save_shard, run), val_f1=drawn[0], val_recall=drawn[1], **told, val_r2=drawn[2])
            case "crossed" if run.rank == 0:
                dist.recv(total, src=1)
            case "crossed":
                dist.recv(total, src=0)
            case _:
                run.report(**told)
    dist.destroy_process_group()


def save_shard(run: Any, folder: Path) -> None:
    """Save a file of the rank's own, one in a folder, and an equal one."""
    (folder / f"rank{run.rank}").write_text(str(run.rank))
    (folder / "deep").mkdir()
    (folder / "deep" / f"{run.rank}").write_bytes(bytes(run.rank))
    (folder / "same").write_text("same")


def save_same(run: Any, folder: Path) -> None:
    """Save two files of one name, as where the rank was forgotten."""
    (folder / "model").write_text(str(run.rank))


def save_together(folder: Path) -> None:
    """Wait for the other ranks, as Lightning's ``save_checkpoint`` does."""
    dist.barrier()


def predict(folder: Path, x: Any) -> Any:
    """Return zeros."""
    return np.zeros((len(x), 3))


predict.returns = "logits"  # type: ignore[attr-defined]
train.metrics = {"val_f1": "maximize"}  # type: ignore[attr-defined]
