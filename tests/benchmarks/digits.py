"""The training that all peers run: a 64-64-64-10 perceptron on digits in a plain loop, with Paceline's split."""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

EPOCHS = 10
PARAMETERS: Mapping[str, Mapping[str, Any]] = {
    "lr": {"min": 1e-4, "max": 1e-1, "log": True},
    "weight_decay": {"min": 1e-6, "max": 1e-2, "log": True},
    "dropout": {"min": 0.0, "max": 0.5},
    "momentum": {"min": 0.8, "max": 0.99},
    "batch_size": {"values": [32, 64, 128]},
}
"""The search space as in a spec. ``momentum`` is Adam's beta1; only the batch size is part of the signature."""


@dataclass(frozen=True)
class Digits:
    """(inputs, labels) by split: float32, standardised by the training split, and int64."""

    train: tuple[Any, Any]
    val: tuple[Any, Any]
    test: tuple[Any, Any]


@cache
def digits() -> Digits:
    """Return digits, split as in a Paceline sweep."""
    from search_spaces.spec.data import Data
    from workloads.data.prepare import prepare

    prepared = prepare(Data(name="digits"))
    mean, std = prepared.search.statistics.mean, prepared.search.statistics.std

    def part(arrays: Any) -> tuple[Any, Any]:
        x = (arrays.x - mean) / std
        return x.reshape(len(x), -1).astype("float32"), arrays.y

    return Digits(part(prepared.search.train), part(prepared.search.val), part(prepared.test))


def train(params: Mapping[str, Any], seed: int, data: Digits) -> Iterator[tuple[dict[str, float], Any]]:
    """Train EPOCHS epochs; yields each one's metrics, and the model in evaluation mode."""
    import torch
    from torch import nn

    torch.manual_seed(seed)
    model = nn.Sequential(
        *(nn.Linear(64, 64), nn.ReLU(), nn.Dropout(params["dropout"])),
        *(nn.Linear(64, 64), nn.ReLU(), nn.Dropout(params["dropout"])),
        nn.Linear(64, 10),
    )
    betas = (params["momentum"], 0.999)
    adam = torch.optim.Adam(model.parameters(), params["lr"], betas, weight_decay=params["weight_decay"])
    x, y = map(torch.from_numpy, data.train)
    for _ in range(EPOCHS):
        model.train()
        total = 0.0
        for batch in torch.randperm(len(x)).split(int(params["batch_size"])):  # type: ignore[no-untyped-call]
            loss = nn.functional.cross_entropy(model(x[batch]), y[batch])
            adam.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            adam.step()
            total += loss.item() * len(batch)
        model.eval()
        val_loss, val_accuracy = score(model, data.val)
        yield {"train_loss": total / len(x), "val_loss": val_loss, "val_accuracy": val_accuracy}, model


def score(model: Any, part: tuple[Any, Any]) -> tuple[float, float]:
    """Return mean cross-entropy and accuracy."""
    import torch

    x, y = map(torch.from_numpy, part)
    with torch.no_grad():
        logits = model(x)
    accuracy = (logits.argmax(1) == y).float().mean()
    return float(torch.nn.functional.cross_entropy(logits, y)), float(accuracy)


def test_accuracy(params: Mapping[str, Any], seeds: Sequence[int]) -> float:
    """Return the mean test accuracy over trainings with ``seeds``, each at its best validation epoch.

    The winner of every system is scored by this function.
    """
    found = []
    for seed in seeds:
        best, at_best = -1.0, 0.0
        for metrics, model in train(params, seed, digits()):
            if metrics["val_accuracy"] > best:
                best, at_best = metrics["val_accuracy"], score(model, digits().test)[1]
        found.append(at_best)
    return statistics.fmean(found)


def peer_options() -> argparse.Namespace:
    """Parse the options that every peer gets; it runs in an empty folder of its own."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--lanes", type=int, required=True)
    return parser.parse_args()


def tell(best: float, params: Mapping[str, Any], num_trials: int) -> None:
    """Print the peer's result as its last line on stdout."""
    print(json.dumps({"best_val_accuracy": best, "params": dict(params), "trials": num_trials}), flush=True)


def mlflow_uri() -> str:
    """Return the URI of an MLflow store in SQLite, in the current folder."""
    return f"sqlite:///{Path.cwd() / 'mlflow.db'}"
