"""PyTorch Lightning: a callback that reports, and a Trainer in the group of workers that is there.

from workloads.bridges import lightning as bridge

def train(run, *, lr: float = 1e-3):
    trainer = bridge.trainer(run, gradient_clip_val=1.0)
    trainer.fit(Model(lr), datamodule=Data(), ckpt_path=bridge.checkpoint(run))
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import lightning
from lightning.pytorch.callbacks import Checkpoint, ModelCheckpoint
from lightning.pytorch.plugins.environments import TorchElasticEnvironment

from workloads.models.custom.run import Run

FILE = "lightning.ckpt"


class ReportEpochs(Checkpoint):  # type: ignore[misc]
    """Reports each epoch after its validation, with all that was logged of it; saves the Trainer's checkpoint.

    As a checkpoint callback it comes behind the module's own ``on_train_epoch_end``, which may log more.
    """

    def __init__(self, run: Run) -> None:
        self._run, self._validated = run, False
        self._measured: Mapping[str, float] = {}
        self._before: Mapping[str, float] = {}
        """Metrics of the epoch from which training goes on."""
        self._stops = False
        """Whether the epoch is the last one, as EarlyStopping has it."""

    def state_dict(self) -> dict[str, Any]:
        """Return the epoch's metrics, for schedulers that wait for one, and whether training stops behind it."""
        return {"measured": dict(self._measured), "stops": self._stops}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the metrics of the epoch from which training goes on."""
        self._before, self._stops = state_dict["measured"], state_dict.get("stops", False)

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Stop where training was to; step the schedulers that wait for a metric, as the Trainer does later."""
        trainer.should_stop = trainer.should_stop or self._stops
        before, self._before = self._before, {}
        for one in trainer.lr_scheduler_configs if pl_module.automatic_optimization else ():
            due = one.interval == "epoch" and trainer.current_epoch % one.frequency == 0
            if one.reduce_on_plateau and due and one.monitor in before:
                pl_module.lr_scheduler_step(one.scheduler, before[one.monitor])

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Note that there is something to report."""
        self._validated = not trainer.sanity_checking

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Report the epoch, unless its validation is left out (``check_val_every_n_epoch``)."""
        if trainer.val_dataloaders is None or self._validated:
            self._validated = False
            metrics: dict[str, Any] = {name: float(value) for name, value in trainer.callback_metrics.items()}
            self._measured, self._stops = metrics, trainer.should_stop
            self._run.report(
                lambda folder: trainer.save_checkpoint(folder / FILE), sharded=self._run.world_size > 1, **metrics
            )


class PresentGroup(TorchElasticEnvironment):  # type: ignore[misc]
    """Lightning's environment of workers that are there: it starts none, and finds each one's rank in variables."""

    def node_rank(self) -> int:
        """Return the number of this machine."""
        return int(os.environ["NODE_RANK"])


def trainer(run: Run, **given: Any) -> Any:
    """Return ``lightning.Trainer(**given)`` that reports, on this worker's device, in the group that is there.

    With several workers the strategy is DDP unless another is given. Unless they are given, there are no bars,
    loggers and checkpoints of Lightning's.
    """
    quiet = ("logger", "enable_progress_bar", "enable_model_summary")
    on_gpu = run.device.type == "cuda"
    chosen: dict[str, Any] = {
        "max_epochs": run.num_epochs * (given.get("check_val_every_n_epoch") or 1),
        "accelerator": "gpu" if on_gpu else "cpu",
        "devices": [run.device.index or 0] if on_gpu else 1,
        **dict.fromkeys(quiet, False),
    }
    if run.world_size > 1:
        local = int(os.environ["LOCAL_WORLD_SIZE"])
        chosen |= {"devices": local, "num_nodes": run.world_size // local, "strategy": "ddp"}
        given = {**given, "plugins": [*_listed(given.get("plugins")), PresentGroup()]}
    callbacks = _listed(given.get("callbacks"))
    if given.get("enable_checkpointing") and not any(isinstance(one, Checkpoint) for one in callbacks):
        callbacks.append(ModelCheckpoint())
    callbacks.append(ReportEpochs(run))
    # ReportEpochs is a checkpoint callback: Lightning refuses it where they are off, and adds none of its own.
    return lightning.Trainer(**{**chosen, **given, "callbacks": callbacks, "enable_checkpointing": True})


def checkpoint(run: Run) -> str | None:
    """Return the file from which training goes on, as ``ckpt_path`` of ``fit``; None at the start."""
    return None if run.folder is None else str(run.folder / FILE)


def _listed(given: Any) -> list[Any]:
    return [] if given is None else list(given) if isinstance(given, list | tuple) else [given]
