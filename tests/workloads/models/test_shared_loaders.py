"""Libraries that divide rows among workers themselves find those of ``run.loaders`` divided once."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
import torch

from tests.helpers.two_workers import on_two
from tests.helpers.workload_data import search_data
from workloads.models.custom.loop import untouched
from workloads.models.custom.run_parts.run_data import RunData
from workloads.training.process_group import ProcessGroup

BATCH = 7
"""Of 12 validation rows one worker has 6: a batch is not full."""


def run_of(group: ProcessGroup) -> RunData:
    search = search_data()
    run = RunData(untouched(search))
    run.seed, run.epoch, run.rank, run.world_size = 3, 2, group.rank, group.size
    return run


def rows(batches: Any) -> list[int]:
    """Return what tells the rows of the batches apart."""
    return [crc32(row.numpy().tobytes()) for x, _ in batches for row in x]


def by_accelerate(group: ProcessGroup, folder: Path) -> Any:
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=True)
    assert accelerator.num_processes == 2
    train, val = accelerator.prepare(*run_of(group).loaders(BATCH))
    counted = sum(len(accelerator.gather_for_metrics(y)) for _, y in val)
    return rows(train), rows(val), counted


def by_lightning(group: ProcessGroup, folder: Path) -> Any:
    import lightning

    from workloads.bridges import lightning as bridge

    seen: dict[str, list[Any]] = {"train": [], "val": []}

    class Seeing(lightning.LightningModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(1, 1)

        def training_step(self, batch: Any, index: int) -> Any:
            seen["train"].append(batch)
            return self.layer(torch.ones(1)).sum()

        def validation_step(self, batch: Any, index: int) -> None:
            seen["val"].append(batch)

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), 0.1)

    run: Any = run_of(group)
    run.device, run.num_epochs, run.report = torch.device("cpu"), 3, lambda *_, **__: None
    run.local_rank, run.folder, run.epoch = group.rank, None, 2
    trainer = bridge.trainer(run, num_sanity_val_steps=0, max_epochs=1)
    trainer.fit(Seeing(), *run.loaders(BATCH))
    return rows(seen["train"]), rows(seen["val"]), len(run.x_val)


@pytest.mark.parametrize(("library", "work"), [("accelerate", by_accelerate), ("lightning", by_lightning)])
def test_each_row_is_seen_once_in_an_epoch(library: str, work: Any, tmp_path: Path) -> None:
    pytest.importorskip(library, reason=f"pip install 'paceline[{library}]'")
    run = RunData(untouched(search_data()))
    run.seed, run.epoch = 3, 2
    train, val = map(rows, run.loaders(BATCH))
    first, second = on_two(partial(work), tmp_path)
    assert first[2] == second[2] == len(val) == 12
    assert set(first[1]) | set(second[1]) == set(val)
    found = [*first[0], *second[0]]
    if library == "accelerate":  # it fills the last batches up with rows from the beginning
        assert set(found) == set(train) and len(found) == 4 * (2 * BATCH)
    else:
        assert len(found) == len(set(found)) == len(train) - len(train) % 2
    assert set(found) <= set(train)
