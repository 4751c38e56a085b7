"""Features for models that take categories and missing values as they are: codes first, then all other columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from workloads.arrays import Column
from workloads.tables.hyperparameters import TableFeatures
from workloads.tables.pipeline import Fitted
from workloads.tables.transformers import by_column


def fit_native(features: TableFeatures, frame: Any, columns: Sequence[Column], most: int) -> Fitted:
    """Return features fitted on a training split ``frame``: codes from 0 of each category, then the others.

    Of more than ``most`` values of a category, or values in fewer rows than ``features.rare``, the rarest share one
    code. What is missing, and a category that the training split did not have, is NaN. Raises Infeasible where no
    feature is left.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.preprocessing import OrdinalEncoder

    words = [c.name for c in columns if c.kind == "category"]
    others = [c for c in columns if c.kind != "category" and (c.kind != "text" or features.text_features)]
    parts: list[tuple[str, Any, list[str]]] = []
    if words:
        missing = {"handle_unknown": "use_encoded_value", "unknown_value": np.nan, "encoded_missing_value": np.nan}
        least = features.rare if features.rare > 1 else None
        parts.append(("codes", OrdinalEncoder(min_frequency=least, max_categories=most, **missing), words))
    if others or not words:
        parts.append(("others", by_column(features, others, frame), [c.name for c in others]))
    transformer = ColumnTransformer(parts, sparse_threshold=0)
    made = np.asarray(transformer.fit_transform(frame), dtype=np.float64)
    codes = made[:, : len(words)].T
    return Fitted(transformer, tuple(len(np.unique(code[~np.isnan(code)])) for code in codes))
