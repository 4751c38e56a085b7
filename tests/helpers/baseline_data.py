"""Makes tiny data of each kind for the tests of baselines, read and split as a sweep reads and splits them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from search_spaces.spec.data import Data
from tests.helpers.reviews import reviews
from tests.helpers.sequence_data import RHYME, monthly, series, text
from tests.helpers.tagged import names
from workloads.champion.test_scores import TestSplit
from workloads.data.prepare import prepare
from workloads.data.search_data import Prepared


def table(folder: Path, target: str, **how: object) -> Prepared:
    """Return 120 rows with numbers, some of them missing, a category, a date and a text."""
    rng = np.random.default_rng(3)
    a, kind = rng.normal(size=120), np.array(["red", "green", "blue"])[rng.integers(0, 3, 120)]
    frame = pd.DataFrame(
        {
            "a": np.where(rng.random(120) < 0.1, np.nan, a),
            "b": rng.normal(size=120).round(6),
            "kind": kind,
            "day": pd.date_range("2024-01-01", periods=120).strftime("%Y-%m-%d"),
            "label": np.where(a + (kind == "red") > 0, "yes", "no"),
            "amount": 50 + 20 * a + 5.25 * (kind == "red"),
        }
    )
    file = folder / "table.csv"
    frame.drop(columns={"label": "amount", "amount": "label"}[target]).to_csv(file, index=False)
    return prepare(Data.model_validate({"csv": str(file), "target": target, **how}))


def sums(folder: Path) -> Prepared:
    """Return prompts and completions: sums of small numbers, and what they are."""
    rows = [(f"{a} + {b} = ", str(a + b)) for a in range(12) for b in range(6)]
    pd.DataFrame(rows, columns=["ask", "answer"]).to_csv(folder / "sums.csv", index=False)
    return prepare(Data.model_validate({"csv": str(folder / "sums.csv"), "prompt": "ask", "completion": "answer"}))


KINDS: Mapping[str, tuple[str, str, Callable[[Path], Prepared]]] = {
    "sentences": ("recurrent", "accuracy", reviews),
    "loss of sentences": ("recurrent", "loss", reviews),
    "pairs": ("recurrent", "accuracy", lambda folder: reviews(folder, text=["review", "also"])),
    "numbers of sentences": ("recurrent", "rmse", lambda folder: reviews(folder, target="stars")),
    "table": ("mlp", "accuracy", lambda folder: table(folder, "label")),
    "numbers": ("mlp", "rmse", lambda folder: table(folder, "amount")),
    "absolute errors": ("mlp", "mae", lambda folder: table(folder, "amount")),
    "quantiles": ("boosted_trees", "pinball_90", lambda folder: table(folder, "amount")),
    "images": ("mlp", "accuracy", lambda folder: prepare(Data(name="digits"))),
    "series": ("recurrent", "rmse", lambda folder: series(folder, monthly(480))),
    "words": ("recurrent", "f1", names),
    "loss of words": ("recurrent", "loss", names),
    "completions": ("language", "bits_per_character", sums),
    "text": ("recurrent", "bits_per_character", lambda folder: text(folder, RHYME * 20)),
}
"""By name a workload, a metric, and a function that makes the data in a folder."""


def split_of(kind: str, folder: Path, metric: str = "") -> TestSplit:
    """Return the test split of one of ``KINDS``."""
    workload, default, made = KINDS[kind]
    data = made(folder)
    return TestSplit.of(workload, metric or default, data.search, data.test)
