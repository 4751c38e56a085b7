"""Pipeline from a table's columns to features: scikit-learn's transformers, fitted on the training split alone.

Frames are those of ``columns.decode``: numbers and seconds as float64, words as text, NaN for missing.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from search_spaces.types.problems import Problem
from workloads.arrays import Array, Column, Infeasible
from workloads.tables.columns import NUMERIC
from workloads.tables.hyperparameters import TableFeatures
from workloads.tables.transformers import by_column, coding, components, products, selection

TRUSTED = [
    "numpy.dtype",
    "sklearn.feature_selection._univariate_selection.f_classif",
    "sklearn.feature_selection._univariate_selection.f_regression",
    *(
        f"workloads.{module}.{name}"
        for module in ("tables.transformers", "transformers")
        for name in ("date_parts", "information_classes", "information_numbers", "as_text")
    ),
]
"""Names that skops may load beside scikit-learn's own transformers.

The second module is that of pipelines saved before 0.2.
"""
Stage = Callable[[int], Any]
"""Function of the number of features so far that returns the next transformer, or None to skip the step."""


@dataclass(frozen=True)
class Fitted:
    """A fitted scikit-learn transformer that converts frames to float64 (rows, features)."""

    transformer: Any
    categories: tuple[int, ...] = ()
    """Number of values of each category with a learned embedding.

    Their codes, from 0, or -1 for unknown, are the first features.
    """

    def __call__(self, frame: Any) -> Array:
        """Return the features of ``frame``; categories that the training split did not have count as unknown."""
        return np.asarray(self.transformer.transform(frame), dtype=np.float64)


def fit(features: TableFeatures, frame: Any, columns: Sequence[Column], y: Array, problem: Problem) -> Fitted:
    """Return all transformers, fitted on a training split ``frame`` with targets ``y``.

    Raises Infeasible where ``features`` cannot be made from this table.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import FeatureUnion, Pipeline

    embedded = [c.name for c in columns if c.kind == "category"] if features.encoding == "embedding" else []
    rest = [column for column in columns if column.name not in embedded]
    steps: list[tuple[str, Any]] = []
    x, target = frame, y.ravel()
    for name, stage in stages(features, rest, frame, problem) if rest else ():
        transformer = stage(0 if x is frame else x.shape[1])
        if transformer is not None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of constant features, which have no variance to divide by
                x = transformer.fit_transform(x, target)
            steps.append((name, transformer))
    pipeline = Pipeline(steps) if steps else None
    if not embedded:
        return Fitted(pipeline)
    codes = ColumnTransformer([("codes", coding(features), embedded)])
    sizes = tuple(int(largest) + 1 for largest in codes.fit_transform(frame).max(axis=0))
    parts = [("codes", codes), *([("features", pipeline)] if pipeline else [])]
    return Fitted(FeatureUnion(parts), sizes)


def stages(
    features: TableFeatures, columns: Sequence[Column], frame: Any, problem: Problem
) -> Iterator[tuple[str, Stage]]:
    """Yield the transformers by name, in order, for the training split ``frame``."""
    yield "columns", lambda _: by_column(features, columns, frame)
    if features.interactions == "all":
        yield "interactions", lambda width: products(width, len(frame))
    if features.select:
        yield "select", lambda width: selection(features, width, problem)
    if features.pca:
        yield "pca", lambda width: components(features.pca, min(width, len(frame)))


def refuse_missing(features: TableFeatures, frame: Any, columns: Sequence[Column]) -> None:
    """Raise Infeasible where numbers are missing and ``imputation`` is none."""
    if features.imputation != "none":
        return
    for column in columns:
        count = int(frame[column.name].isna().sum()) if column.kind in NUMERIC else 0
        if count:
            rule = f"column {column.name!r} has {count} missing values"
            raise Infeasible(f"{rule}: imputation must be median, mean or most_frequent, received none")
