"""Records of a sweep's data: the search's part, and the locked test split apart from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from search_spaces.types.problems import Problem
from workloads.arrays import Array, Arrays, DataShape
from workloads.data.data_card import DataCard
from workloads.data.raw import NOT_COUNTED
from workloads.data.sources.image_records import example_shape
from workloads.data.splits import Fold
from workloads.data.statistics import Statistics
from workloads.data.streaming.stream import Stream

TestData = Arrays
"""The locked test split, as raw examples. No leg of a search is ever given it."""


@dataclass(frozen=True)
class SearchData:
    """The data that a search may see, in NumPy arrays, which travel between processes through shared memory."""

    train: Arrays
    val: Arrays
    statistics: Statistics
    """Statistics of the raw training inputs; a table with described columns is prepared by a pipeline instead."""
    num_outputs: int
    """Number of classes, of values to predict, or of codes of the vocabulary."""
    problem: Problem = "classification"
    vocabulary: str = ""
    """Characters of a text, with codes from 1; code 0 is any other character."""
    season: int = 1
    """Season of a series in steps."""
    classes: tuple[str, ...] = ()
    """Names of the classes, or of words' labels, in the order of the outputs; empty where nothing is classified."""
    folds: tuple[Fold, ...] = ()
    """Folds for cross-validation; their rows count ``train`` and then ``val``. Empty without cross-validation."""
    sentences: bool = False
    """Whether each row is one text, or two, that are classified or scored, or a sentence of labelled words."""
    stream: Stream | None = None
    """All training rows of a streamed source, of which ``train`` is only a sample; None for other sources."""

    @property
    def given(self) -> bool:
        """Whether there are examples; False: the workload brings its own data."""
        return self.num_outputs > 0

    def shape(self) -> DataShape:
        """Return what a model must know of the raw examples. A series' values and targets share one scale."""
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
        if self.problem == "tagging":
            known = y[y != NOT_COUNTED]
            counts, mean = np.bincount(known, minlength=self.num_outputs).tolist(), len(known) / max(1, len(y))
            facts = DataShape(example, self.num_outputs, self.problem, class_counts=tuple(counts))
            return replace(facts, labels=self.classes, words_a_sentence=mean)
        if self.problem == "completion" or not np.issubdtype(y.dtype, np.floating):
            return DataShape(example, self.num_outputs, self.problem)
        return DataShape(example, self.num_outputs, self.problem, float(y.mean()), float(y.std()) or 1.0)


def no_data() -> SearchData:
    """Return the data of a sweep whose workload brings its own: there are no examples."""
    none = np.empty(0)
    return SearchData(no_examples(), no_examples(), Statistics(none, none, none), num_outputs=0)


def no_examples() -> Arrays:
    """Return a split without examples."""
    return Arrays(np.empty((0, 0)), np.empty(0, dtype=np.int64))


@dataclass(frozen=True)
class Prepared:
    """A sweep's data: the search's part, the locked test split, the data card, and the rows of each split."""

    search: SearchData
    test: Arrays
    card: DataCard
    indices: Mapping[str, Array]
