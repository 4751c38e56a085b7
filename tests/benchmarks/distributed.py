"""Trials that two workers train together, against torchrun, one process, and a bare TorchTrainer.

    python -m tests.benchmarks.distributed [--only epochs equal start] [--pairs 5]

epochs: seconds of an epoch of the cnn on 10,000 CIFAR-10 images, against torchrun with plain DDP, alternating.
equal: metrics of one process and of two workers after an epoch, at the same global batch.
start: seconds from handing out a leg to its first step, of a lane's first leg, against a bare
``TorchTrainer.fit()``, and of its next legs. Needs ``cifar10-train.parquet``.
Prints Markdown tables, then one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.benchmarks.commands import DATA_ENV, data_folder, in_fresh_folder

IMAGES = 10_000
EPOCHS = 4
WARM = 1
"""Number of first epochs that are not counted."""
PARAMS = {"batch_size": 128, "dropout": 0.0, "lr_schedule": "constant", "lr": 0.001}
GOALS = {"epochs": 1.05, "first": 1.1, "next_s": 0.2}


def subset(folder: Path, scratch: Path) -> dict[str, Any]:
    """Write IMAGES random images of the training file to a file; return it as a spec's ``data``."""
    import pandas as pd

    path = scratch / "cifar10-subset.parquet"
    pd.read_parquet(folder / "cifar10-train.parquet").sample(IMAGES, random_state=0).to_parquet(path)
    return {"parquet": str(path), "image": "image", "target": "label"}


def trained(data: dict[str, Any], workers: int, params: dict[str, Any], epochs: int) -> list[dict[str, float]]:
    """Run a sweep of one trial; return its metrics by epoch."""
    spec = {
        "workload": "cnn",
        "data": data,
        "trials": 1,
        "epochs": epochs,
        "parameters": {name: {"value": value} for name, value in params.items()},
        "max_concurrent": 1,
        "early_terminate": "none",
        "final": "none",
        "resources": {"workers": workers},
    }
    command = [sys.executable, "-m", "tests.benchmarks.one_trial"]
    return list(in_fresh_folder(command, {"sweep.yaml": json.dumps(spec)}).document["epochs"])


def torchrun(data: dict[str, Any], epochs: int) -> list[float]:
    """Run plain DDP; return the seconds of each epoch."""
    spec = json.dumps({"workload": "cnn", "data": data, "params": PARAMS, "epochs": epochs})
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--rdzv-backend=c10d"]
    ends = ["--rdzv-endpoint=127.0.0.1:0", "-m", "tests.benchmarks.ddp_peer", spec]
    return list(in_fresh_folder([*command, *ends], {}).document["seconds"])


def epochs(data: dict[str, Any], pairs: int) -> dict[str, Any]:
    """Return the median seconds of an epoch, without the first, of every run, and the pairs' median ratio."""
    own, peer = [], []
    for pair in range(pairs):
        for system in ("own", "peer") if pair % 2 == 0 else ("peer", "own"):
            if system == "own":
                records = trained(data, 2, PARAMS, EPOCHS)
                own.append(statistics.median(record["seconds"] for record in records[WARM:]))
            else:
                peer.append(statistics.median(torchrun(data, EPOCHS)[WARM:]))
    ratios = [a / b for a, b in zip(own, peer, strict=True)]
    return {"own_s": own, "torchrun_s": peer, "ratio": statistics.median(ratios), "goal": GOALS["epochs"]}


def equal(data: dict[str, Any]) -> dict[str, Any]:
    """Return each metric of one process, of two workers, and the difference, without dropout and batch norm."""
    params = {**PARAMS, "batch_norm": False}
    one, two = (trained(data, workers, params, 1)[0] for workers in (1, 2))
    names = ("train_loss", "val_loss", "val_accuracy", "grad_norm")
    return {name: [one[name], two[name], abs(two[name] - one[name])] for name in names}


def start(pairs: int) -> dict[str, Any]:
    """Return the seconds to the first step of a lane's first leg, of its next legs, and of a bare ``fit``."""
    first, later, bare = [], [], []
    for _ in range(pairs):
        command = [sys.executable, "-m", "tests.benchmarks.leg_start"]
        found = in_fresh_folder(command, {}).document
        first.append(found["first_s"])
        later += found["later_s"]
        bare.append(found["bare_s"])
    ratios = [a / b for a, b in zip(first, bare, strict=True)]
    return {
        "first_s": first,
        "bare_s": bare,
        "ratio": statistics.median(ratios),
        "later_s": statistics.median(later),
        "latest_s": max(later),
        "goals": [GOALS["first"], GOALS["next_s"]],
    }


def main() -> None:
    """Measure as the command line says, and print a table of each part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help=f"folder of the data; else ${DATA_ENV}")
    parser.add_argument(
        "--only", nargs="+", choices=("epochs", "equal", "start"), default=["epochs", "equal", "start"]
    )
    parser.add_argument("--pairs", type=int, default=5)
    options = parser.parse_args()
    options.data = data_folder(options.data, "cifar10-train.parquet")
    found: dict[str, Any] = {}
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        data = subset(options.data, Path(scratch))
        for part in options.only:
            found[part] = {
                "epochs": lambda: epochs(data, options.pairs),
                "equal": lambda: equal(data),
                "start": lambda: start(options.pairs),
            }[part]()
            print(f"\n| {part} | |\n|---|---|")
            for name, value in found[part].items():
                print(f"| {name} | {value} |", flush=True)
    print(json.dumps({**found, "seconds": time.monotonic() - begun}))


if __name__ == "__main__":
    main()
