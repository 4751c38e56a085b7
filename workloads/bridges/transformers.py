"""Hugging Face Transformers: a callback that reports each evaluation, and where a Trainer's training goes on.

from workloads.bridges import transformers as bridge

def train(run, *, learning_rate: float = 5e-5):
    arguments = TrainingArguments(num_train_epochs=run.num_epochs, eval_strategy="epoch", ...)
    trainer = Trainer(model, arguments, ...)
    trainer.add_callback(bridge.ReportEpochs(run, trainer))
    trainer.train(resume_from_checkpoint=bridge.checkpoint(run))
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from transformers import TrainerCallback
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR, get_last_checkpoint

from workloads.models.custom.run import Run

OF_TRAINING = ("loss", "grad_norm", "learning_rate")
"""What the Trainer logs of its steps."""
NO_METRIC = ("epoch", "total_flos", "num_input_tokens_seen")


class ReportEpochs(TrainerCallback):  # type: ignore[misc]
    """Reports each evaluation, with what was logged of training since the last; saves the Trainer's checkpoint."""

    def __init__(self, run: Run, trainer: Any) -> None:
        self._run, self._trainer = run, trainer
        self._measured: dict[str, Any] = {}
        self._num_parts = 0
        """Data sets that were evaluated since the last step."""
        self._has_stepped = False
        self._folder: TemporaryDirectory[str] | None = None
        self._usual = ""

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Have the Trainer write its checkpoints where other trainings do not, while it trains."""
        self._has_stepped = False
        self._folder, self._usual = TemporaryDirectory(ignore_cleanup_errors=True), args.output_dir
        args.output_dir = self._folder.name

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Report no more."""
        self._folder, args.output_dir = None, self._usual

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Note that there is something new to evaluate."""
        self._has_stepped, self._num_parts = True, 0

    def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, Any], **_: Any) -> None:
        """Keep what is logged of training."""
        self._measured |= {name: float(logs[name]) for name in OF_TRAINING if name in logs}

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Mapping[str, Any], **_: Any) -> None:
        """Ask for a checkpoint, once all parts of ``eval_dataset`` are evaluated where it is a mapping.

        An evaluation beside the training, or before its first step (``eval_on_start``), is none of its epochs.
        """
        if self._folder is None or not self._has_stepped:
            return
        numbers = {name: value for name, value in metrics.items() if isinstance(value, int | float)}
        self._measured |= {name: float(value) for name, value in numbers.items() if name not in NO_METRIC}
        parts = self._trainer.eval_dataset
        self._num_parts += 1
        control.should_save = not isinstance(parts, dict) or self._num_parts == len(parts)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Report what was evaluated, with the checkpoint that was written."""
        if not self._num_parts or self._folder is None:
            return
        written = Path(self._folder.name, f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}")
        told, self._measured, self._num_parts = self._measured, {}, 0

        def save(folder: Path) -> None:
            shutil.copytree(written, folder / written.name)

        self._run.report(save, sharded=self._run.world_size > 1, **told)
        if not args.load_best_model_at_end:
            shutil.rmtree(written)


def checkpoint(run: Run) -> str | None:
    """Return the folder from which training goes on, as ``resume_from_checkpoint``; None at the start."""
    found: str | None = None if run.folder is None else get_last_checkpoint(str(run.folder))
    return found
