"""PyTorch Ignite: reports each epoch of an Engine, and has it go on from what was saved.

from workloads.bridges import ignite as bridge

def train(run, *, lr: float = 1e-3):
    trainer, evaluator = Engine(step), create_supervised_evaluator(model, metrics)
    trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.run(val_loader))
    bridge.report_epochs(run, trainer, evaluator, {"model": model, "optimizer": optimizer})
    trainer.run(train_loader, max_epochs=run.num_epochs)
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events
from torch.nn.parallel import DistributedDataParallel

from workloads.models.custom.run import Run

FILE = "ignite.pt"


def report_epochs(run: Run, trainer: Engine, evaluator: Engine, objects: Mapping[str, Any]) -> None:
    """Report what ``trainer`` and ``evaluator`` measure of each epoch; to be called behind the evaluator's handler.

    ``objects`` are what is saved beside the trainer's own state, and loaded where training goes on: they have a
    ``state_dict``.
    """
    known = {name: _bare(one) for name, one in {**objects, "trainer": trainer}.items()}
    if run.folder is not None:
        found = torch.load(run.folder / FILE, map_location=run.device, weights_only=True)
        for name, one in known.items():
            one.load_state_dict(found[name])

    def save(folder: Path) -> None:
        torch.save({name: one.state_dict() for name, one in known.items()}, folder / FILE)

    def report() -> None:
        measured = {**trainer.state.metrics, **evaluator.state.metrics}
        told: dict[str, Any] = {name: float(value) for name, value in measured.items() if _is_number(value)}
        run.report(save, **told)

    trainer.add_event_handler(Events.EPOCH_COMPLETED, report)


def _bare(one: Any) -> Any:
    return one.module if isinstance(one, DistributedDataParallel) else one


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) or getattr(value, "ndim", None) == 0
