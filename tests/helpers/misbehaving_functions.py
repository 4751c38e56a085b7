"""A user's function that misbehaves in its second epoch, as its hyperparameter ``what`` says."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from workloads.own_loop import Run

ASLEEP = "76543"
"""Seconds that child processes sleep, by which they are found."""
_kept: list[Any] = []


def train(run: Run, *, what: str = "nothing") -> None:
    """Print, misbehave, and report."""
    for epoch in range(run.epoch, run.num_epochs):
        print(f"epoch {epoch} of {what}")
        value = MISBEHAVIOURS[what]() if epoch == 1 else None
        number: Any = 0.5 if value is None else value
        run.report(lambda folder: (folder / "saved").touch(), val_accuracy=number)


def _endless() -> None:
    while True:
        print("an endless line " * 20)


def _closure() -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        pool.map(lambda x: x, [1])


def _child() -> None:
    subprocess.Popen(["sleep", ASLEEP])


def _fork_bomb() -> None:
    for _ in range(50):
        subprocess.Popen(["sh", "-c", f"sleep {ASLEEP} & sleep {ASLEEP}"])


def _not_ascii() -> None:
    raise ValueError("größer als ✓ \udce9 \x1b[2J")


def _close() -> None:
    os.close(1)
    os.close(2)


def _interrupt() -> None:
    raise KeyboardInterrupt


def _missing() -> None:
    import a_module_of_another_machine  # type: ignore[import-not-found] # noqa: F401


def _tensor() -> Any:
    import torch

    return torch.tensor(0.25, requires_grad=True)


MISBEHAVIOURS: Mapping[str, Callable[[], Any]] = {
    "nothing": lambda: None,
    "sys.exit": lambda: sys.exit("no data"),
    "os._exit": lambda: os._exit(7),
    "segmentation fault": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "endless print": _endless,
    "leak": lambda: _kept.append(np.ones(25 * 2**20)),  # 200 MiB
    "child": _child,
    "folder": lambda: os.chdir("/"),
    "numpy": lambda: np.float32(0.25),
    "torch": _tensor,
    "hang": lambda: time.sleep(10_000),
    "fork bomb": _fork_bomb,
    "closure": _closure,
    "import": _missing,
    "thread": lambda: threading.Thread(target=lambda: time.sleep(10_000), daemon=True).start(),
    "not ASCII": _not_ascii,
    "KeyboardInterrupt": _interrupt,
    "signal handler": lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN),
    "closed streams": _close,
}
