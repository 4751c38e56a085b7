"""A user's function that misbehaves in its process: ``workload: tests.helpers.spoiling_function:train``."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np

from workloads.own_loop import Run

CHILD = "98765"
"""Seconds that the child process sleeps, by which it is found."""
_begun: list[str] = []


def train(run: Run, *, what: str = "nothing") -> None:
    """Count the trainings before this one in its process, and misbehave."""
    _begun.append(what)
    before = len(_begun) - 1
    for epoch in range(run.epoch, run.num_epochs):
        {"child": child, "raise": fail}.get(what, int)()
        run.report(save, val_accuracy=1 / (epoch + 2), val_before=before, val_drawn=float(np.random.rand()))


def save(folder: Path) -> None:
    """Save something."""
    (folder / "saved").touch()


def child() -> None:
    """Leave a process of a process behind."""
    subprocess.Popen(["sh", "-c", f"sleep {CHILD} & sleep {CHILD}"])


def fail() -> None:
    """Fail in each process in which something was trained before."""
    if len(_begun) > 1:
        raise RuntimeError("spoiled by those before")
