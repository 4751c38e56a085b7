"""Hyperparameters of every workload on tables: how columns become features."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from search_spaces.space.hyperparameters import hyper

_hyper = partial(hyper, shapes=True, prepares=True, kinds=("table",))


@dataclass(frozen=True, kw_only=True)
class TableFeatures:
    """Preprocessing of a table, in the order of its steps: on columns of one kind, then on all features."""

    imputation: str = _hyper(
        "median",
        "how missing numbers are filled; a missing category is a category of its own, or the most frequent one",
        choices=("median", "mean", "most_frequent", "none"),
    )
    missing_indicator: bool = _hyper(False, "add a 0/1 feature for each numeric column with missing values")
    scaling: str = _hyper(
        "standard",
        "scaling of numbers: mean 0 and deviation 1, range 0 to 1, median 0 and interquartile range 1, or none",
        choices=("standard", "minmax", "robust", "none"),
    )
    encoding: str = _hyper(
        "one_hot", "encoding of categories: one-hot, or one integer each", choices=("one_hot", "ordinal")
    )
    rare: int = _hyper(1, "categories with fewer training rows than this are merged into one", low=1)
    date_parts: str = _hyper(
        "calendar",
        "encoding of dates: seconds; also year, month, day, weekday, hour; or periodic parts as sine and cosine",
        choices=("seconds", "calendar", "cyclic"),
    )
    text_features: int = _hyper(
        100,
        "number of TF-IDF features of each text column, for its most frequent words; 0: text is not used",
        low=0,
    )
    interactions: str = _hyper(
        "none",
        "add products of pairs of features: none, of numeric columns, or of all features",
        choices=("none", "numbers", "all"),
    )
    select: int = _hyper(0, "number of features kept, those most related to the target; 0: all", low=0)
    select_test: str = _hyper(
        "f_test",
        "score by which features are selected: F test, or mutual information with the target",
        choices=("f_test", "information"),
    )
    pca: int = _hyper(0, "number of principal components that replace the features; 0: no PCA", low=0)
