"""A function that sleeps for ever after its first epoch."""

from __future__ import annotations

import time

from workloads.own_loop import Run


def train(run: Run, *, lr: float = 0.1) -> None:
    """Report one epoch, and no more."""
    run.report(val_accuracy=lr)
    time.sleep(3600)
