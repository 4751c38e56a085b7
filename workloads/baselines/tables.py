"""Tables: gradient boosting of scikit-learn with its defaults, which takes categories and missing values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from workloads.arrays import Arrays, Column
from workloads.baselines.contract import Predict, log_probabilities
from workloads.data.search_data import SearchData
from workloads.tables.columns import decode
from workloads.tables.hyperparameters import TableFeatures
from workloads.tables.native import fit_native

MOST_CATEGORIES = 255
"""Most values of a category that scikit-learn takes; the rarest of more are one value together."""
MAX_OUTPUTS = 1_000_000
"""Limit on rows times classes: each class has trees of its own."""
AS_THEY_ARE = TableFeatures(imputation="none", scaling="none")


def boosted_trees(search: SearchData, train: Arrays, **loss: object) -> Predict:
    """Fit gradient boosting with scikit-learn's defaults and seed 0; of several numbers one model for each.

    ``loss`` are settings of the regression's loss in the place of its default.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    fitted = fit_native(AS_THEY_ARE, _frame(train), _columns(train), MOST_CATEGORIES)
    x = fitted(_frame(train))
    kinds = {"categorical_features": [k < len(fitted.categories) for k in range(x.shape[1])], "random_state": 0}
    if search.problem == "regression":
        models = [HistGradientBoostingRegressor(**kinds, **loss).fit(x, numbers) for numbers in train.y.T]
        return lambda rows: np.stack([model.predict(fitted(_frame(rows))) for model in models], axis=1)
    model = HistGradientBoostingClassifier(**kinds).fit(x, train.y)
    return lambda rows: log_probabilities(
        model.predict_proba(fitted(_frame(rows))), model.classes_, search.num_outputs
    )


def _frame(rows: Arrays) -> object:
    return decode(rows.x, _columns(rows))


def _columns(rows: Arrays) -> Sequence[Column]:
    return rows.columns or tuple(Column(str(k)) for k in range(rows.x.shape[1]))
