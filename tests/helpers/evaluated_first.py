"""A training by Hugging Face's Trainer that evaluates before its first step, on one data set or on several."""

from __future__ import annotations

from tempfile import TemporaryDirectory
from typing import Any


def train(run: Any, *, parts: int = 2) -> None:
    """Train a line; ``parts`` data sets are evaluated, 0: one without a name."""
    import torch
    from transformers import Trainer, TrainingArguments

    from workloads.bridges import transformers as bridge

    class Line(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.line = torch.nn.Linear(2, 1)
            self.register_buffer("seen", torch.zeros(()))

        def forward(self, x: Any, labels: Any) -> Any:
            self.seen += self.training
            outputs = self.line(x)[:, 0]
            return {"loss": (outputs - labels).square().mean(), "logits": outputs}

    class Told(bridge.ReportEpochs):
        def on_save(self, *given: Any, **more: Any) -> None:
            self._measured["seen"] = float(model.seen)
            super().on_save(*given, **more)

    rows = [{"x": torch.ones(2) * k, "labels": torch.ones(())} for k in range(8)]
    evaluated = dict.fromkeys("ab"[:parts], rows[:2]) or rows[:2]
    with TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder,
            num_train_epochs=run.num_epochs,
            per_device_train_batch_size=2,
            eval_strategy="epoch",
            eval_on_start=True,
            logging_strategy="epoch",
            save_strategy="no",
            report_to=[],
            use_cpu=True,
            disable_tqdm=True,
        )
        model = Line()
        trainer = Trainer(model, arguments, train_dataset=rows, eval_dataset=evaluated)
        trainer.add_callback(Told(run, trainer))
        trainer.train(resume_from_checkpoint=bridge.checkpoint(run))
