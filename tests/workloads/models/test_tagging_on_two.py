"""Two workers label words as one does, at equal global batch: words count the same, whichever worker has them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.helpers.tagged import names
from tests.helpers.two_workers import on_two
from tests.helpers.workload_data import train
from workloads.registry import workload
from workloads.training.plain_loop import PlainLoop
from workloads.training.process_group import ALONE, ProcessGroup
from workloads.training.setup import Setup, Trainee


def epochs(group: ProcessGroup, folder: Path) -> list[dict[str, float]]:
    """Two epochs' metrics."""
    kind = workload("recurrent")
    hp = kind.hyperparameters(batch_size=6, lr=0.02, width=8, bidirectional=True, micro_batch=2)
    folder.mkdir(exist_ok=True)
    data = kind.data(hp, names(folder / str(group.rank)).search, torch.device("cpu"), torch.float64)
    loop = PlainLoop(replace(Setup(kind, data), group=group), Trainee(0, hp))
    return [record for (record,) in train(loop, 2)]


@pytest.mark.soak
def test_two_workers_equal_one(tmp_path: Path) -> None:
    for rank in "01":
        (tmp_path / "two" / rank).mkdir(parents=True)
    (tmp_path / "0").mkdir()
    first, second = on_two(epochs, tmp_path / "two")
    alone = epochs(ALONE, tmp_path)
    for one, two, other in zip(alone, first, second, strict=True):
        for name in ("train_loss", "train_accuracy", "val_loss", "val_accuracy", "val_f1", "grad_norm"):
            assert two[name] == other[name] == pytest.approx(one[name], rel=1e-9), name
