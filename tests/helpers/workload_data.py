"""Makes small data sets and members for the tests of the training loops."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from workloads.arrays import Column
from workloads.data.prepare import Arrays
from workloads.data.search_data import SearchData
from workloads.data.statistics import fit
from workloads.registry import workload
from workloads.training.setup import Loop, Setup, Trainee

SMALL: Mapping[str, Mapping[str, Any]] = {
    "softmax": {},
    "mlp": {"depth": 2, "width": 6},
    "cnn": {"blocks": 2, "channels": 6, "dropout": 0.0, "lr_schedule": "constant"},
    "recurrent": {"depth": 2, "width": 6},
    "transfer": {"backbone": "resnet18", "weights": "none", "size": 8},
    "language": {"model": "none", "max_length": 16},
    "image": {"depth": 1, "width": 4, "flip": 0.0, "crop": 0.0},
}
"""Hyperparameters of each workload for a tiny network."""


def blobs(num_rows: int, seed: int, *, image: bool = True) -> Arrays:
    """Return three classes of noisy patterns, as 1 x 4 x 4 images or as rows of 16 numbers."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(7).uniform(40, 200, (3, 16))
    y = np.arange(num_rows) % 3
    x = np.clip(centres[y] + rng.normal(0, 25, (num_rows, 16)), 0, 255)
    return Arrays(x.astype(np.uint8).reshape(-1, 1, 4, 4) if image else x, y.astype(np.int64))


def search_data(*, image: bool = True) -> SearchData:
    """Return 43 training and 12 validation rows."""
    train = blobs(43, 0, image=image)
    return SearchData(train, blobs(12, 1, image=image), fit(train.x), 3)


def sentences() -> SearchData:
    """Return 43 training and 12 validation texts of three classes, with a word of each class in most."""
    rng = np.random.default_rng(5)
    draws = rng.integers(0, 5, (55, 2))
    texts = tuple(f"{'abc'[k % 3] * (6 + int(a))} {k} {'word ' * int(b)}" for k, (a, b) in enumerate(draws))
    columns, codes, y = (Column("review", "text", texts),), np.arange(55.0)[:, None], np.arange(55) % 3
    train, val = (Arrays(codes[part], y[part], columns) for part in (slice(43), slice(43, None)))
    return SearchData(train, val, fit(codes), 3)


def setup(name: str, dtype: torch.dtype = torch.float64, device: str = "cpu") -> Setup:
    """Return a workload's setup on the small images."""
    kind = workload(name)
    search = sentences() if name == "language" else search_data()
    data = kind.data(trainee(name).hp, search, torch.device(device), dtype)
    return Setup(kind, data)


def trainee(name: str, seed: int = 0, **params: Any) -> Trainee:
    """Return a member with a tiny network, batches of 8 and a small learning rate."""
    return Trainee(
        seed, workload(name).hyperparameters(**{"batch_size": 8, "lr": 0.002, **SMALL.get(name, {}), **params})
    )


def train(loop: Loop, num_epochs: int) -> list[list[dict[str, float]]]:
    """Train ``num_epochs`` epochs; return the metrics by epoch and member."""
    return [loop.epoch() for _ in range(num_epochs)]
