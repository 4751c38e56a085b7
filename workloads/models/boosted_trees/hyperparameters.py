"""Hyperparameters of boosted trees."""

from __future__ import annotations

from dataclasses import dataclass

from search_spaces.space.hyperparameters import hyper

LOSSES = ("squared_error", "absolute_error", "poisson", "gamma", "quantile")


@dataclass(frozen=True, kw_only=True)
class BoostedTreesHyperparameters:
    """Hyperparameters of gradient boosting; four epochs of the defaults are scikit-learn's own defaults.

    It is no ``Training``: there are neither mini-batches nor an optimizer.
    """

    lr: float = hyper(
        0.1, "learning rate: factor of each tree's values (scikit-learn: learning_rate)", low=0, low_open=True
    )
    iterations_per_epoch: int = hyper(
        25,
        "boosting iterations in an epoch, each one tree, or one for each of three classes or more; "
        "max_iter of scikit-learn is this times epochs",
        low=1,
        shapes=True,
    )
    max_leaf_nodes: int = hyper(31, "largest number of leaves of a tree", low=2)
    max_depth: int = hyper(0, "largest number of splits from a tree's root to a leaf; 0: no limit", low=0)
    min_samples_leaf: int = hyper(20, "smallest number of training rows in a leaf", low=1)
    l2_regularization: float = hyper(0.0, "coefficient of L2 regularisation of the leaves' values", low=0)
    max_features: float = hyper(
        1.0, "share of the features, drawn at random, that each split may use", low=0, low_open=True, high=1
    )
    max_bins: int = hyper(
        255,
        "bins of a feature's values, and most values of a category: the rarest of more are one value together",
        low=2,
        high=255,
        shapes=True,
        prepares=True,
    )
    class_weights: str = hyper(
        "none",
        "weights of the classes in the loss; balanced: inversely proportional to their number of training rows",
        choices=("none", "balanced"),
        problems=("classification",),
    )
    loss: str = hyper(
        "squared_error",
        "loss that the trees are fitted by; poisson and gamma predict positive numbers, by their logarithm; "
        "quantile predicts a quantile instead of a mean, which val_pinball_90 and its like judge",
        choices=LOSSES,
        shapes=True,
        problems=("regression",),
    )
    quantile: float = hyper(
        0.5,
        "quantile of the target that is predicted: this share of the rows is to be at most the prediction",
        low=0,
        low_open=True,
        high=1,
        high_open=True,
        problems=("regression",),
        when={"loss": ("quantile",)},
    )
    rare: int = hyper(
        1,
        "categories with fewer training rows than this are merged into one",
        low=1,
        shapes=True,
        prepares=True,
    )
    date_parts: str = hyper(
        "calendar",
        "encoding of dates: seconds; also year, month, day, weekday, hour; or periodic parts as sine and cosine",
        choices=("seconds", "calendar", "cyclic"),
        shapes=True,
        prepares=True,
    )
    text_features: int = hyper(
        100,
        "number of TF-IDF features of each text column, for its most frequent words; 0: text is not used",
        low=0,
        shapes=True,
        prepares=True,
    )
    patience: int = hyper(
        0, "early stopping: training ends after this many epochs without improvement; 0: never", low=0
    )
    min_improvement: float = hyper(
        0.0, "smallest change of the sweep's metric that counts as an improvement", low=0
    )
