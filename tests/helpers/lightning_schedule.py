"""A training in Lightning whose rate waits for a metric, and is logged by the module at each epoch's end."""

from __future__ import annotations

from typing import Any


def train(run: Any, *, lr: float = 0.5) -> None:
    """Halve the rate after each epoch but the first, as the validation loss never falls."""
    import lightning
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    from workloads.bridges import lightning as bridge

    class Line(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.line = torch.nn.Linear(2, 1)

        def training_step(self, batch: Any, index: int) -> Any:
            return self.line(batch[0]).square().mean()

        def validation_step(self, batch: Any, index: int) -> None:
            self.log("val_loss", torch.tensor(1.0))

        def on_train_epoch_end(self) -> None:
            self.log("rate", self.optimizers().param_groups[0]["lr"])

        def configure_optimizers(self) -> Any:
            optimizer = torch.optim.SGD(self.parameters(), lr)
            schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=0)
            return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "monitor": "val_loss"}}

    rows = DataLoader(TensorDataset(torch.ones(4, 2)), 2)
    bridge.trainer(run).fit(Line(), rows, rows, ckpt_path=bridge.checkpoint(run))
