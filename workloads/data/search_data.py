"""What a sweep trains on: the arrays of the search, and those of the test split apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from search_spaces.types.problems import Problem
from workloads.arrays import Array, Arrays, DataShape
from workloads.data.data_card import DataCard
from workloads.data.sources.image_records import example_shape
from workloads.data.splits import Fold
from workloads.data.statistics import Statistics
from workloads.data.streaming.stream import Stream

TestData = Arrays
"""The locked test split, raw. No leg of a search is ever given it."""


@dataclass(frozen=True)
class SearchData:
    """All that a search may see: NumPy arrays alone, so that they travel through shared memory."""

    train: Arrays
    val: Arrays
    statistics: Statistics
    """Of the raw numbers; a table with described columns has a pipeline of its own."""
    num_outputs: int
    """Classes, numbers to predict, or characters of the vocabulary."""
    problem: Problem = "classification"
    vocabulary: str = ""
    """Of a text: the characters of the codes from 1; 0 is any other."""
    season: int = 1
    """Of a series, in steps."""
    classes: tuple[str, ...] = ()
    """Their names, in the order of the outputs; empty where the target is a number."""
    folds: tuple[Fold, ...] = ()
    """Divisions of both splits' rows behind each other, where a trial is to be trained on several."""
    stream: Stream | None = None
    """All training rows, where ``train`` is only a sample of them."""

    def shape(self) -> DataShape:
        """What a model must know, of the raw examples. A series' values and targets are on one scale."""
        example, y = example_shape(self.train.x), self.train.y
        if self.problem == "classification":
            counts = tuple(np.bincount(y, minlength=self.num_outputs).tolist())
            counts = self.stream.class_counts if self.stream else counts
            return DataShape(example, self.num_outputs, self.problem, class_counts=counts)
        if self.problem == "forecast":
            scale = float(self.statistics.mean[0]), float(self.statistics.std[0])
            return DataShape(example, self.num_outputs, self.problem, *scale, season=self.season)
        if self.problem == "language":
            return DataShape(example, self.num_outputs, self.problem, vocabulary=self.vocabulary)
        if not np.issubdtype(y.dtype, np.floating):
            return DataShape(example, self.num_outputs, self.problem)
        return DataShape(example, self.num_outputs, self.problem, float(y.mean()), float(y.std()) or 1.0)


@dataclass(frozen=True)
class Prepared:
    """A sweep's data: the search's part, the locked part, and which row went where."""

    search: SearchData
    test: Arrays
    card: DataCard
    indices: Mapping[str, Array]
