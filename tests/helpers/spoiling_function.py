"""A user's function that misbehaves in its process: ``workload: tests.helpers.spoiling_function:train``."""

from __future__ import annotations

import subprocess
import time
from functools import partial
from pathlib import Path

import numpy as np

from tests.helpers.waiting import wait_until
from workloads.own_loop import Run

CHILD = "98765"
"""Seconds that the child process sleeps, by which it is found."""
_begun: list[str] = []


def train(run: Run, *, what: str = "nothing", mark: str = "") -> None:
    """Count the trainings before this one in its process, and misbehave; make the file ``mark`` on saving."""
    _begun.append(what)
    before = len(_begun) - 1
    misbehave = {"child": child, "raise": fail, "late": partial(late_child, Path(mark))}.get(what, int)
    for epoch in range(run.epoch, run.num_epochs):
        misbehave()
        value = 1 / (epoch + 2) - (what == "late") / 10
        run.report(partial(save, mark), val_accuracy=value, val_before=before, val_drawn=float(np.random.rand()))


def save(mark: str, folder: Path) -> None:
    """Save something, and make ``mark`` if there is a name."""
    (folder / "saved").touch()
    if mark:
        Path(mark).touch()


def child() -> None:
    """Leave a process of a process behind."""
    subprocess.Popen(["sh", "-c", f"sleep {CHILD} & sleep {CHILD}"])


def late_child(mark: Path) -> None:
    """Leave a process behind once the worker of the training that makes ``mark`` has nothing to do."""
    wait_until(mark.exists, "the other training", every_s=0.01)
    time.sleep(0.5)
    child()


def fail() -> None:
    """Fail in each process in which something was trained before."""
    if len(_begun) > 1:
        raise RuntimeError("spoiled by those before")
