"""The test split in the final evaluation: scores by row, and all predictions."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from search_spaces.types.problems import PINBALL
from workloads.arrays import Array, Arrays, DataShape
from workloads.champion.by_row import Units, by_row, units
from workloads.data.raw import NOT_COUNTED
from workloads.data.search_data import SearchData
from workloads.legs.predictions import MEAN, kept
from workloads.registry import workload
from workloads.tasks.contract import Task
from workloads.tasks.language import Language
from workloads.tasks.next_tokens import NextTokens
from workloads.training.batches import standardised, tensor

MAX_PROBABILITIES = 20
"""Of classifiers with more classes than that the table has the probability of the predicted class alone."""
FEW_ROWS = 5
"""Test rows of a class, of more than two, from which on it is told that the champion never predicts it."""
BY_CLASS = ("balanced_accuracy", "precision_macro", "recall_macro", "f1_macro")
"""Metrics in which each class counts the same, however few rows it has."""
KINDS: Mapping[str, Literal["rate", "error", "r2"]] = {
    **dict.fromkeys(("accuracy", "roc_auc", "class_coverage", "f1", "precision", "recall", *BY_CLASS), "rate"),
    **dict.fromkeys((name.removeprefix("val_") for name in PINBALL), "error"),
    **dict.fromkeys(("loss", "rmse", "mae", "bits_per_character", "perplexity", "frechet_distance"), "error"),
    "r2": "r2",
}
"""Metrics from 0 to 1, from 0 on, and up to 1."""
Values = Mapping[str, Array]


@dataclass(frozen=True)
class TestSplit:
    """Task, targets and independent parts of the test split, for one metric (without ``test_``)."""

    __test__ = False

    task: Task
    metric: str
    search: SearchData
    test: Arrays
    """The raw examples."""
    shape: DataShape
    """Of the data as the workload's models see it."""
    y: Tensor
    """As models predict it: numbers are standardised by ``shape``."""
    units: Units
    whole: bool
    """Whether the metric compares the split as a whole (samples of a GAN)."""

    @classmethod
    def of(cls, name: str, metric: str, search: SearchData, test: Arrays) -> TestSplit:
        """Return the split for the workload ``name``; ``test`` is raw."""
        kind = workload(name)
        shape = search.shape() if kind.scales_targets else search.shape().unscaled()
        y = standardised(tensor(test.y), shape)
        task = kind.task(shape, f"val_{metric}")
        return cls(task, metric, search, test, shape, y, units(test, shape), kind.judge is not None)

    @property
    def kind(self) -> Literal["share", "rate", "error", "r2", "number"]:
        """Whether each row's score is a hit or a miss, 1 or 0, or what numbers the metric can be."""
        if self.metric == "accuracy" and self.units.single and self.search.problem == "classification":
            return "share"
        return KINDS.get(self.metric, "number")

    @property
    def num_rows(self) -> float:
        """Number of rows; of metrics by class as many as vary like these, of which some classes have few."""
        if self.metric not in BY_CLASS:
            return float(len(self.y))
        counts = torch.bincount(self.y).double()
        counts = counts[counts > 0]
        return float(len(counts) ** 2 / (1 / counts).sum())

    def read(self, checkpoints: str, keys: Mapping[int, str]) -> dict[int, Values]:
        """Return what was kept of each seed's member; seeds of which nothing was kept are left out."""
        found = {} if self.whole else {seed: kept(checkpoints, key) for seed, key in keys.items()}
        return {seed: values for seed, values in found.items() if values is not None}

    def by_row(self, members: Sequence[Values]) -> Array | None:
        """Return scores (seeds, parts), as ``by_row.by_row`` does."""
        if not members:
            return None
        y, parts = self._rows_of(members[0])
        task = self.task if "characters" in members[0] else self.baseline_task
        return by_row(task, members, y, self.metric, parts)

    @property
    def baseline_task(self) -> Task:
        """The task of models that are no workload's: of a text they predict characters, not tokens."""
        return Language() if self.search.problem == "language" else self.task

    @property
    def by_character(self) -> bool:
        """Whether the metric can be compared with that of models that predict a text's characters."""
        return not isinstance(self.task, NextTokens) or self.metric == "bits_per_character"

    def _rows_of(self, member: Values) -> tuple[Tensor, Units]:
        """Return targets and parts of the rows that were kept: a causal model divides a text by its own tokens.

        There are as many parts, at the same places in the text: scores of models can be compared by part.
        """
        num = next((len(value) for value in member.values()), len(self.y))
        if num == len(self.y):
            return self.y, self.units
        return torch.zeros(num), Units(np.arange(num) * self.units.count // num, False, "blocks")

    def unpredicted(self, members: Sequence[Values]) -> list[dict[str, Any]]:
        """Return each class that some of the seeds predict for no test row, those with most rows first.

        A record has the ``class``, its test ``rows`` of all (``of_rows``), the ``seeds`` that never predict it of
        all (``of_seeds``), and the number of ``classes``. Of more than two classes those with fewer than
        ``FEW_ROWS`` rows are left out: good classifiers miss them, too.
        """
        logits = [one["logits"] for one in members if "logits" in one]
        if self.search.problem != "classification" or not logits:
            return []
        num = self.search.num_outputs
        names = self.search.classes or [str(k) for k in range(num)]
        rows = np.bincount(self.y.numpy(), minlength=num)
        never = sum(np.bincount(one.argmax(1), minlength=num) == 0 for one in logits)
        least = 1 if num == 2 else FEW_ROWS
        missed = [k for k in np.argsort(-rows, kind="stable") if never[k] and rows[k] >= least]
        alike = {"of_rows": len(self.y), "of_seeds": len(logits), "classes": num}
        return [{"class": names[k], "rows": int(rows[k]), "seeds": int(never[k]), **alike} for k in missed]

    def table(
        self, members: Mapping[int, Mapping[int, Values]], rows: Sequence[int], probabilities: bool = True
    ) -> bytes:
        """Return a Parquet file with a row for each trial, seed and test example; empty where nothing was kept.

        ``row`` is the example's place in its source. Numbers are in the target's units.
        """
        import pandas as pd

        pieces = []
        for trial, seeds in members.items():
            for seed, values in seeds.items():
                columns = self._columns(values, probabilities)
                num = next((len(value) for value in values.values()), len(self.y))
                place = list(rows) if len(rows) == num else list(range(num))
                pieces.append(pd.DataFrame({"trial": trial, "seed": seed, "row": place, **columns}))
        if not pieces:
            return b""
        out = io.BytesIO()
        pd.concat(pieces, ignore_index=True).to_parquet(out, index=False)
        return out.getvalue()

    def _columns(self, values: Values, probabilities: bool) -> dict[str, Any]:
        scores = {name.removesuffix(MEAN): value for name, value in values.items() if name.endswith(MEAN)}
        if "logits" in values:
            return {**self._classes(values["logits"], probabilities), **scores}
        if "predicted" in values:
            return {"truth": self._labels(self.y.numpy()), "predicted": self._labels(values["predicted"]), **scores}
        if "error" in values:
            shape = self.shape
            truth, error = self.y.numpy().reshape(len(self.y), -1), values["error"].reshape(len(self.y), -1)
            found = {}
            for k in range(truth.shape[1]):
                number = f"_{k + 1}" if truth.shape[1] > 1 else ""
                found[f"truth{number}"] = truth[:, k] * shape.target_std + shape.target_mean
                found[f"predicted{number}"] = (truth[:, k] + error[:, k]) * shape.target_std + shape.target_mean
            return {**found, **scores}
        return {**{name: value for name, value in values.items() if value.ndim == 1}, **scores}

    def _labels(self, codes: Array) -> list[str]:
        """Return the labels of each sentence's words with blanks between them; ``-`` for a word without one."""
        names = np.array([*self.search.classes, "-"], dtype=object)[codes.astype(int)]
        return [" ".join(row[real]) for row, real in zip(names, self.y.numpy() != NOT_COUNTED, strict=True)]

    def _classes(self, logits: Array, probabilities: bool) -> dict[str, Any]:
        names = np.array(self.search.classes or [str(k) for k in range(logits.shape[1])])
        shares = np.exp(logits - logits.max(1, keepdims=True))
        shares /= shares.sum(1, keepdims=True)
        predicted = logits.argmax(1)
        found: dict[str, Any] = {"truth": names[self.y.numpy()], "predicted": names[predicted]}
        if len(names) > MAX_PROBABILITIES or not probabilities:
            return {**found, "probability": shares.max(1)}
        return found | {f"probability_{name}": shares[:, k] for k, name in enumerate(names)}
