"""The function that the harness's sweep trains, copied into its folder: metrics without training."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
LEDGER, MISCHIEF = "ledger", "mischief"
NAP_S = 0.08


def train(run: Any, *, lr: float = 0.01) -> None:
    """Report values that rise with ``lr`` and the epoch; what the file ``mischief`` asks for is done once."""
    done = int((run.folder / "at").read_text()) if run.folder else 0
    for epoch in range(done + 1, run.num_epochs + 1):
        time.sleep(NAP_S)
        misbehave()
        with (HERE / LEDGER).open("a") as file:
            file.write(json.dumps({"lr": lr, "epoch": epoch, "pid": os.getpid(), "at": time.time()}) + "\n")
        value = lr * epoch / (epoch + 1)
        run.report(partial(save, epoch=epoch), val_accuracy=value, val_loss=1 / value, train_loss=lr / epoch)


def save(folder: Path, epoch: int) -> None:
    """Save how far the training is."""
    (folder / "at").write_text(str(epoch))


def misbehave() -> None:
    """Do what the file ``mischief`` names, in one process, once."""
    claimed = HERE / f"{MISCHIEF}.{os.getpid()}"
    try:
        (HERE / MISCHIEF).rename(claimed)
    except FileNotFoundError:
        return
    match claimed.read_text():
        case "raise":
            raise ValueError("a fault of the user's own")
        case "surrogate":
            raise ValueError("cannot read caf\udce9.csv")
        case "long":
            raise ValueError("\x1b[31mred\n" * 5000)
        case "exit":
            os._exit(7)
        case "system exit":
            sys.exit(7)
        case "hang":
            time.sleep(3600)
        case "child":
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"], start_new_session=True)
        case "spoil":
            os.chdir("/")
            os.environ.clear()
            sys.stdout.close()
