"""Makes the steps of a table's pipeline, each a transformer of scikit-learn, from hyperparameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from search_spaces.types.problems import Problem
from workloads.arrays import Array, Column, Infeasible
from workloads.tables.columns import NUMERIC
from workloads.tables.hyperparameters import TableFeatures

MAX_CELLS = 2**28
"""Limit on the training split's rows times features: more would take gigabytes."""


def by_column(features: TableFeatures, columns: Sequence[Column], frame: Any) -> Any:
    """Return the transformer of columns by kind. Raises Infeasible where it makes no features, or too many."""
    from sklearn.compose import ColumnTransformer

    numbers = [c for c in columns if c.kind in NUMERIC]
    words = [c.name for c in columns if c.kind == "category"]
    texts = [c.name for c in columns if c.kind == "text" and features.text_features]
    parts: list[tuple[str, Any, Any]] = []
    if numbers:
        parts.append(("numbers", _numbers(features, numbers, len(frame)), [c.name for c in numbers]))
    if words:
        parts.append(("categories", _categories(features, frame[words]), words))
    parts += [(f"text {name}", _text(features.text_features), [name]) for name in texts]
    if not parts:
        raise Infeasible("text_features must be at least 1 where all columns are text, received 0")
    return ColumnTransformer(parts, sparse_threshold=0)


def _numbers(features: TableFeatures, columns: Sequence[Column], num_rows: int) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder

    of_kind = {kind: [c.name for c in columns if c.kind == kind] for kind in NUMERIC}
    orders = [list(c.values) for c in columns if c.kind == "ordinal"]
    parts = {
        "number": "passthrough",
        "ordinal": OrdinalEncoder(categories=orders, handle_unknown="use_encoded_value", unknown_value=np.nan),
        "datetime": FunctionTransformer(date_parts, kw_args={"parts": features.date_parts}),
    }
    chosen = [(kind, parts[kind], names) for kind, names in of_kind.items() if names]
    steps: list[tuple[str, Any]] = [("values", ColumnTransformer(chosen))]
    if features.imputation != "none":
        keep = {"keep_empty_features": True, "add_indicator": features.missing_indicator, "copy": False}
        steps.append(("imputation", SimpleImputer(strategy=features.imputation, **keep)))
    if features.scaling != "none":
        steps.append(("scaling", _scaler(features.scaling)))
    if features.interactions == "numbers":
        steps.append(("interactions", products(len(columns), num_rows)))
    return Pipeline(steps)


def _scaler(scaling: str) -> Any:
    from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

    scalers = {"standard": StandardScaler, "minmax": MinMaxScaler, "robust": RobustScaler}
    return scalers[scaling](copy=False)  # of the step before, which nothing else needs


def _categories(features: TableFeatures, frame: Any) -> Any:
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder

    steps: list[tuple[str, Any]] = []
    if features.imputation == "most_frequent":
        steps.append(("imputation", SimpleImputer(strategy="most_frequent", keep_empty_features=True)))
    if features.encoding == "one_hot":
        width = int(frame.nunique().sum())
        _bound(width, len(frame), "one-hot encoding makes {} features: take rare values together, or ordinal")
        unknown = "infrequent_if_exist" if _least(features) else "ignore"
        encoder = OneHotEncoder(handle_unknown=unknown, min_frequency=_least(features), sparse_output=False)
        return Pipeline([*steps, ("one_hot", encoder)])
    steps.append(("ordinal", coding(features)))
    return Pipeline([*steps, *([] if features.scaling == "none" else [("scaling", _scaler(features.scaling))])])


def coding(features: TableFeatures) -> Any:
    """Return an encoder of categories as codes from 0; -1 is missing or unknown, rare ones share the last code."""
    from sklearn.preprocessing import OrdinalEncoder

    codes = {"handle_unknown": "use_encoded_value", "unknown_value": -1, "encoded_missing_value": -1}
    return OrdinalEncoder(min_frequency=_least(features), **codes)


def _least(features: TableFeatures) -> int | None:
    return features.rare if features.rare > 1 else None


def _text(num_features: int) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import FunctionTransformer

    words = TfidfVectorizer(max_features=num_features, token_pattern=r"(?u)\b\w+\b", sublinear_tf=True)
    return Pipeline([("missing", FunctionTransformer(as_text)), ("tfidf", words)])


def products(width: int, num_rows: int) -> Any:
    """Return a transformer that adds all products of two of ``width`` features. Raises Infeasible if too many."""
    from sklearn.preprocessing import PolynomialFeatures

    text = f"interactions of {width} features make {{}}: take those of numbers alone, or none"
    _bound(width * (width + 1) // 2, num_rows, text)
    return PolynomialFeatures(degree=2, interaction_only=True, include_bias=False)


def selection(features: TableFeatures, width: int, problem: Problem) -> Any:
    """Return a selector of the ``select`` features that tell most of the target; None if there are no more."""
    from sklearn.feature_selection import SelectKBest, f_classif, f_regression

    classes = problem == "classification"
    f_test = f_classif if classes else f_regression
    information = information_classes if classes else information_numbers
    score = f_test if features.select_test == "f_test" else information
    return SelectKBest(score, k=features.select) if features.select < width else None


def components(wanted: int, most: int) -> Any:
    """Return a transformer to ``wanted`` principal components, ``most`` at most."""
    from sklearn.decomposition import PCA

    return PCA(min(wanted, most), random_state=0)


def _bound(width: int, num_rows: int, text: str) -> None:
    if width * num_rows > MAX_CELLS:
        raise Infeasible(text.format(f"{width:,}") + f" ({num_rows:,} rows)")


def information_classes(x: Array, y: Array) -> Array:
    """Return the mutual information of each feature with classes, (features,) in nats."""
    from sklearn.feature_selection import mutual_info_classif

    return np.asarray(mutual_info_classif(x, y, random_state=0))


def information_numbers(x: Array, y: Array) -> Array:
    """Return the mutual information of each feature with a number, (features,) in nats."""
    from sklearn.feature_selection import mutual_info_regression

    return np.asarray(mutual_info_regression(x, y, random_state=0))


def as_text(frame: Any) -> Any:
    """Return the text in the only column of ``frame``; missing values become empty."""
    return frame.iloc[:, 0].fillna("").astype(str)


def date_parts(frame: Any, parts: str) -> Array:
    """Convert seconds since 1970 to parts of dates, (rows, columns x parts); a missing date has missing parts."""
    import pandas as pd

    made = []
    for name in frame:
        seconds = frame[name]
        made.append(seconds)
        when = pd.to_datetime(seconds, unit="s").dt
        if parts == "calendar":
            made += [when.year, when.month, when.day, when.day_of_week, when.hour]
        elif parts == "cyclic":
            made += [when.year, *_circle(when.month - 1, 12), *_circle(when.day - 1, 31)]
            made += [*_circle(when.day_of_week, 7), *_circle(when.hour, 24)]
    return np.column_stack([np.asarray(part, dtype=np.float64) for part in made])


def _circle(part: Any, period: int) -> tuple[Any, Any]:
    angle = 2 * np.pi * np.asarray(part, dtype=np.float64) / period
    return np.sin(angle), np.cos(angle)
