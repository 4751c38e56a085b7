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
BEST_ALONE = (
    "save_strategy='best' has the Trainer save, and so report, its best evaluations only: leave it out, as "
    "Paceline keeps the best epoch of a final training by itself"
)
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
        self._trains = False
        self._written: Path | None = None
        self._stops = False
        """Whether training was to stop where it goes on."""

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Have the Trainer write its checkpoints where other trainings do not, while it trains.

        Its callbacks go on as they were, and where it was to stop, it does so behind one step that does not count.
        Raises ValueError where it would save, and so report, the best evaluations only.
        """
        if args.save_strategy == "best":
            raise ValueError(BEST_ALONE)
        self._has_stepped, self._trains, self._written = False, True, None
        kept = state.stateful_callbacks
        self._stops = bool(kept.get("TrainerControl", {}).get("args", {}).get("should_training_stop"))
        control.should_training_stop = self._stops
        for name, told in kept.items():
            own = [one for one in self._trainer.callback_handler.callbacks if type(one).__name__ == name]
            for one, known in zip(own, told if isinstance(told, list) else [told], strict=False):
                vars(one).update(known.get("attributes", {}))
        self._folder, self._usual = TemporaryDirectory(ignore_cleanup_errors=True), args.output_dir
        args.output_dir = self._folder.name

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Report no more. The last checkpoint stays for as long as this object."""
        self._trains, args.output_dir = False, self._usual

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Have nothing told of a step that does not count."""
        if self._stops:
            control.should_evaluate = control.should_save = control.should_log = False

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Have nothing told of an epoch that does not count."""
        self.on_step_end(args, state, control)

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
        if not self._trains or not self._has_stepped or self._stops:
            return
        numbers = {name: value for name, value in metrics.items() if isinstance(value, int | float)}
        self._measured |= {name: float(value) for name, value in numbers.items() if name not in NO_METRIC}
        parts = self._trainer.eval_dataset
        self._num_parts += 1
        control.should_save = not isinstance(parts, dict) or self._num_parts == len(parts)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Report what was evaluated, with the checkpoint that was written."""
        if not self._num_parts or not self._trains or self._folder is None:
            return
        if self._written and not args.load_best_model_at_end:
            shutil.rmtree(self._written)
        written = Path(self._folder.name, f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}")
        told, self._measured, self._num_parts, self._written = self._measured, {}, 0, written

        def save(folder: Path) -> None:
            shutil.copytree(written, folder / written.name)

        self._run.report(save, sharded=self._run.world_size > 1, **told)


def checkpoint(run: Run) -> str | None:
    """Return the folder from which training goes on, as ``resume_from_checkpoint``; None at the start."""
    found: str | None = None if run.folder is None else get_last_checkpoint(str(run.folder))
    return found
