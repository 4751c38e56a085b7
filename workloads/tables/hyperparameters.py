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
        "what stands for a missing number; a missing word is a value of its own, or with most_frequent that one",
        choices=("median", "mean", "most_frequent", "none"),
    )
    missing_indicator: bool = _hyper(False, "a further feature for each number with missing values: whether it is")
    scaling: str = _hyper(
        "standard",
        "numbers to mean 0 and deviation 1, to 0 .. 1, to median 0 and quartile range 1, or as they are",
        choices=("standard", "minmax", "robust", "none"),
    )
    encoding: str = _hyper(
        "one_hot", "categories as one feature for each value, or as one number", choices=("one_hot", "ordinal")
    )
    rare: int = _hyper(1, "values of a category in fewer training rows than this are taken together", low=1)
    date_parts: str = _hyper(
        "calendar",
        "dates as seconds; with year, month, day, weekday and hour; the periodic ones as sine and cosine",
        choices=("seconds", "calendar", "cyclic"),
    )
    text_features: int = _hyper(100, "TF-IDF features of a text column, of its most frequent words; 0: none", low=0)
    interactions: str = _hyper(
        "none", "products of two: of no features, of numbers, or of all", choices=("none", "numbers", "all")
    )
    select: int = _hyper(
        0, "features kept, those that tell most of the target; 0 or more than there are: all", low=0
    )
    select_test: str = _hyper(
        "f_test", "what a feature tells by itself: F test, or mutual information", choices=("f_test", "information")
    )
    pca: int = _hyper(0, "principal components, at most as many as features; 0: off", low=0)
