"""Measures the time that cached features save, and the accuracy gained from a network trained on other classes.

    python -m tests.benchmarks.transfer_gain [--trials 20] [--pairs 5]

Needs cifar10-train.parquet. A ResNet-18 learns five classes of CIFAR-10; the other five, with 20 images of
each, are then learned by a linear classifier on its features, by fine-tuning its last stage, and from scratch.
The same classifier is trained by 20 trials with features from the cache, and by 20 trials that send every
mini-batch through the frozen network, as fine-tuning with nothing unfrozen does.
Prints Markdown tables, then one line of JSON.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ["PACELINE_CACHE"] = tempfile.mkdtemp()

import numpy as np
import pandas as pd
import torch
from PIL import Image

from tests.benchmarks.commands import DATA_ENV, data_folder
from workloads.arrays import Arrays
from workloads.data.search_data import SearchData
from workloads.data.statistics import fit
from workloads.models.transfer.hyperparameters import TransferHyperparameters
from workloads.registry import workload
from workloads.training.choose_width import make_loop
from workloads.training.plain_loop import PlainLoop
from workloads.training.setup import Setup, Trainee

ROWS_TAUGHT, ROWS_LEARNED, ROWS_JUDGED = 400, 20, 200
WHOLE = {"backbone": "resnet18", "mode": "fine_tuning", "unfrozen": 99, "backbone_lr_ratio": 1.0, "lr": 0.001}


def cifar(frame: pd.DataFrame, classes: range, rows: int, seed: int) -> SearchData:
    """Return ``rows`` random images of each class to train on, and ROWS_JUDGED others to validate."""
    rng = np.random.default_rng(seed)
    order = [rng.permutation(np.flatnonzero(frame["label"] == c))[: rows + ROWS_JUDGED] for c in classes]
    parts = []
    for index in (np.concatenate([o[:rows] for o in order]), np.concatenate([o[rows:] for o in order])):
        y = frame["label"].to_numpy()[index].astype(np.int64) - classes.start
        images = [np.asarray(Image.open(io.BytesIO(content))) for content in frame["image"].iloc[index]]
        parts.append(Arrays(np.stack(images).transpose(0, 3, 1, 2), y))
    return SearchData(parts[0], parts[1], fit(parts[0].x), len(classes))


def trained(search: SearchData, epochs: int, seed: int = 0, **params: Any) -> tuple[Any, float]:
    """Train a member; return its loop and its best validation accuracy."""
    hp = TransferHyperparameters(**{"weights": "none", **params})
    kind = workload("transfer")
    shared = Setup(kind, kind.data(hp, search, torch.device("cpu"), torch.float32))
    loop = make_loop(shared, [Trainee(seed, hp)])
    return loop, max(loop.epoch()[0]["val_accuracy"] for _ in range(epochs))


def seconds(search: SearchData, trials: int, **params: Any) -> float:
    """Return the seconds of ``trials`` trainings of two epochs, one after the other."""
    started = time.perf_counter()
    for k in range(trials):
        trained(search, 2, seed=k, **params)
    return time.perf_counter() - started


def main() -> None:
    """Measure as the command line says, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help=f"folder of the data; else ${DATA_ENV}")
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--pairs", type=int, default=3)
    options = parser.parse_args()
    options.data = data_folder(options.data, "cifar10-train.parquet")
    torch.set_num_threads(1)
    frame = pd.read_parquet(options.data / "cifar10-train.parquet")
    taught, _ = trained(cifar(frame, range(5), ROWS_TAUGHT, 0), 6, **WHOLE)
    assert isinstance(taught, PlainLoop)
    first = Path(tempfile.mkdtemp()) / "first.pt"
    torch.save(taught.state(0).model, first)
    ways = {
        "features of the trained network": {"weights": str(first), "lr": 0.01},
        "its last stage fine-tuned": {"weights": str(first), "mode": "fine_tuning", "lr": 0.003},
        "from scratch": WHOLE,
    }
    found = {way: [] for way in ways}  # type: dict[str, list[float]]
    for seed in range(options.pairs):
        few = cifar(frame, range(5, 10), ROWS_LEARNED, 1 + seed)
        for way, params in ways.items():
            found[way].append(trained(few, 10, seed, **{"backbone": "resnet18", **params})[1])
    print("| 20 images a class, five new classes | validation accuracy (median of seeds) |\n|---|---|")
    for way, values in found.items():
        print(f"| {way} | {statistics.median(values):.3f} |")
    ratios = []
    same = {"backbone": "resnet18", "weights": str(first), "dropout": 0.1}
    for seed in range(options.pairs):
        some = cifar(frame, range(5, 10), ROWS_LEARNED, 100 + seed)
        once = seconds(some, options.trials, **same)
        each = seconds(some, options.trials, mode="fine_tuning", unfrozen=0, **same)
        ratios.append(each / once)
    print(f"\n| {options.trials} trials of 2 epochs | x cached |\n|---|---|")
    print(f"| features computed by every trial anew | {statistics.median(ratios):.1f} |")
    print(json.dumps({"accuracy": found, "ratios": ratios}))


if __name__ == "__main__":
    main()
