"""Hugging Face Accelerate: an Accelerator in the group that is there, and reports with its own checkpoints.

from workloads.bridges import accelerate as bridge

def train(run, *, lr: float = 1e-3):
    accelerator = bridge.accelerator(run)
    model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
    bridge.resume(run, accelerator)
    for epoch in range(run.epoch, run.num_epochs):
        ...
        bridge.report(run, accelerator, val_loss=val_loss)
"""

from __future__ import annotations

from typing import Any

from accelerate import Accelerator
from accelerate.utils import DataLoaderConfiguration

from workloads.models.custom.run import Run

_states: list[Any] = []
"""The last accelerator's state: Accelerate keeps it, and its precision, for all trials of a process."""


def accelerator(run: Run, **given: Any) -> Accelerator:
    """Return ``Accelerator(**given)`` on this worker's device.

    Unless ``dataloader_config`` is given, the examples' order follows from ``run.seed`` and the epoch.
    """
    order = DataLoaderConfiguration(use_seedable_sampler=True, data_seed=run.seed)
    if _states:
        vars(_states.pop()).clear()
    made = Accelerator(**{"cpu": run.device.type == "cpu", "dataloader_config": order, **given})
    _states.append(made.state)
    return made


def report(run: Run, accelerator: Accelerator, **told: Any) -> None:
    """Report as ``run.report`` does, and save all that was prepared or registered, as ``save_state`` does."""
    run.report(lambda folder: accelerator.save_state(str(folder)), sharded=run.world_size > 1, **told)


def resume(run: Run, accelerator: Accelerator) -> None:
    """Load what was saved, if training goes on; to be called when all is prepared."""
    if run.folder is not None:
        accelerator.load_state(str(run.folder))
