"""Trainings that each library's own early stopping ends behind three epochs, as the loss never falls."""

from __future__ import annotations

from tempfile import TemporaryDirectory
from typing import Any


def in_lightning(run: Any, *, lr: float = 0.5) -> None:
    """Train a line by Lightning."""
    import lightning
    import torch
    from lightning.pytorch.callbacks import EarlyStopping
    from torch.utils.data import DataLoader, TensorDataset

    from workloads.bridges import lightning as bridge

    class Line(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.line = torch.nn.Linear(2, 1)

        def training_step(self, batch: Any, index: int) -> Any:
            return self.line(batch[0]).square().mean()

        def validation_step(self, batch: Any, index: int) -> None:
            self.log("val_loss", torch.tensor(1.0), sync_dist=True)

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr)

    rows = DataLoader(TensorDataset(torch.ones(4, 2)), 2)
    trainer = bridge.trainer(run, callbacks=[EarlyStopping("val_loss", patience=2)])
    trainer.fit(Line(), rows, rows, ckpt_path=bridge.checkpoint(run))


def in_keras(run: Any, *, lr: float = 0.5) -> None:
    """Train nothing by Keras."""
    from workloads.bridges import keras as bridge  # isort: skip # it chooses the backend
    import keras
    import numpy as np

    model = bridge.saved(run)
    if model is None:
        layer = keras.layers.Dense(1, trainable=False, kernel_initializer="ones")
        model = keras.Sequential([keras.Input((2,)), layer])
        model.compile(keras.optimizers.SGD(lr), "mse")
    x, y = np.ones((4, 2), "float32"), np.zeros((4, 1), "float32")
    told = bridge.callbacks(run, keras.callbacks.EarlyStopping("val_loss", patience=2))
    more: dict[str, Any] = {"epochs": run.num_epochs, "initial_epoch": run.epoch, "validation_data": (x, y)}
    model.fit(x, y, 2, callbacks=told, verbose=0, **more)


def in_transformers(run: Any, *, best: bool = False) -> None:
    """Train a line whose loss is always 1 by the Trainer."""
    import torch
    from transformers import EarlyStoppingCallback, Trainer, TrainingArguments

    from workloads.bridges import transformers as bridge

    class Line(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.line = torch.nn.Linear(2, 1)

        def forward(self, x: Any, labels: Any) -> Any:
            return {"loss": self.line(x).sum() * 0 + 1, "logits": labels}

    rows = [{"x": torch.ones(2), "labels": torch.ones(())} for _ in range(4)]
    with TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder,
            num_train_epochs=run.num_epochs,
            per_device_train_batch_size=2,
            eval_strategy="epoch",
            save_strategy="epoch" if best else "no",
            load_best_model_at_end=best,
            metric_for_best_model="loss",
            greater_is_better=False,
            report_to=[],
            use_cpu=True,
            disable_tqdm=True,
        )
        stopping = EarlyStoppingCallback(early_stopping_patience=2)
        trainer = Trainer(Line(), arguments, train_dataset=rows, eval_dataset=rows, callbacks=[stopping])
        trainer.add_callback(bridge.ReportEpochs(run, trainer))
        trainer.train(resume_from_checkpoint=bridge.checkpoint(run))
