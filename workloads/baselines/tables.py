"""Tables: gradient boosting of scikit-learn with its defaults, which takes categories and missing values."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from workloads.arrays import Array, Arrays, Column
from workloads.baselines.contract import Predict, log_probabilities
from workloads.data.search_data import SearchData
from workloads.tables.columns import decode
from workloads.tables.hyperparameters import TableFeatures
from workloads.tables.transformers import by_column

MOST_CATEGORIES = 255
"""Most values of a category that scikit-learn takes; the rarest of more are one value together."""
MAX_OUTPUTS = 1_000_000
"""Limit on rows times classes: each class has trees of its own."""
AS_THEY_ARE = TableFeatures(imputation="none", scaling="none")


def boosted_trees(search: SearchData, train: Arrays) -> Predict:
    """Fit gradient boosting with scikit-learn's defaults and seed 0; of several numbers one model for each."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    features = _Features(train)
    x = features(train)
    if search.problem == "regression":
        models = [
            HistGradientBoostingRegressor(categorical_features=features.categorical, random_state=0).fit(x, numbers)
            for numbers in train.y.T
        ]
        return lambda rows: np.stack([model.predict(features(rows)) for model in models], axis=1)
    model = HistGradientBoostingClassifier(categorical_features=features.categorical, random_state=0)
    model.fit(x, train.y)
    return lambda rows: log_probabilities(model.predict_proba(features(rows)), model.classes_, search.num_outputs)


class _Features:
    """Features of a table in the order of its columns: numbers and codes as they are, parts of dates, TF-IDF."""

    def __init__(self, train: Arrays) -> None:
        self.makers = [_maker(train.x[:, k], column) for k, column in enumerate(_columns(train))]
        widths = [maker(train.x[:1, k], column).shape[1] for k, maker, column in self._each(train)]
        kinds = [column.kind for column, width in zip(_columns(train), widths, strict=True) for _ in range(width)]
        self.categorical = [kind == "category" for kind in kinds]

    def __call__(self, rows: Arrays) -> Array:
        """Return features, float64 (rows, features)."""
        return np.concatenate([maker(rows.x[:, k], column) for k, maker, column in self._each(rows)], axis=1)

    def _each(self, rows: Arrays) -> Sequence[tuple[int, Maker, Column]]:
        columns = _columns(rows)
        return [(k, maker, columns[k]) for k, maker in enumerate(self.makers)]


Maker = Callable[[Array, Column], Array]
"""Function from a column's values (rows,), and what its codes stand for, to features (rows, features)."""


def _columns(rows: Arrays) -> Sequence[Column]:
    return rows.columns or tuple(Column(str(k)) for k in range(rows.x.shape[1]))


def _maker(values: Array, column: Column) -> Maker:
    """Return what makes features of a column, fitted on the training rows' ``values``."""
    if column.kind == "category":
        codes = _frequent(values)
        return lambda x, _: np.where(np.isnan(x) | np.isin(x, codes), x, len(column.values))[:, None]
    if column.kind not in ("datetime", "text"):
        return lambda x, _: x[:, None]
    fitted = by_column(AS_THEY_ARE, [column], decode(values[:, None], [column])).fit(
        decode(values[:, None], [column])
    )
    return lambda x, own: np.asarray(fitted.transform(decode(x[:, None], [own])), dtype=np.float64)


def _frequent(values: Array) -> Array:
    """Return the codes of a category that are kept: all, or the most frequent ones; all others are one more."""
    codes, counts = np.unique(values[~np.isnan(values)], return_counts=True)
    if len(codes) <= MOST_CATEGORIES:
        return codes
    return codes[np.argsort(-counts, kind="stable")[: MOST_CATEGORIES - 1]]
