"""Images: a linear model on standardised pixels, of images averaged down to a bound on their sides."""

from __future__ import annotations

import warnings

import torch
from torch.nn import functional as F

from workloads.arrays import Array, Arrays
from workloads.baselines.contract import Predict, log_probabilities
from workloads.data.search_data import SearchData
from workloads.data.sources.image_files import decoded
from workloads.training.batches import tensor

SIDE = 32
"""Largest height and width in pixels: larger images are averaged down."""
MAX_ROWS = 5_000
MAX_PIXELS = 2**40
"""No limit on an image's size: it is averaged down as soon as it is read."""
MAX_ITER = 200
AT_ONCE = 256
"""Images that are read from disk, and averaged, together."""


def linear(search: SearchData, train: Arrays) -> Predict:
    """Fit logistic regression, or of numbers ridge regression, on pixels of mean 0 and deviation 1.

    Settings are scikit-learn's, but for ``MAX_ITER`` iterations at most.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x = pixels(train.x)
    if search.problem == "regression":
        ridge = make_pipeline(StandardScaler(), Ridge()).fit(x, train.y)
        return lambda rows: ridge.predict(pixels(rows.x)).reshape(rows.y.shape)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=MAX_ITER))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(x, train.y)
    return lambda rows: log_probabilities(model.predict_proba(pixels(rows.x)), model.classes_, search.num_outputs)


def pixels(x: Array) -> Array:
    """Return float64 (images, numbers) of raw images, or of records of images on disk."""
    parts = (tensor(decoded(x[start : start + AT_ONCE])).double() for start in range(0, len(x), AT_ONCE))
    found: Array = torch.cat([averaged(part).flatten(1) for part in parts]).numpy()
    return found


def averaged(images: torch.Tensor) -> torch.Tensor:
    """Average images (rows, channels, height, width) down to ``SIDE`` pixels a side, each side that is longer."""
    height, width = images.shape[-2:]
    return (
        F.adaptive_avg_pool2d(images, (min(SIDE, height), min(SIDE, width)))
        if max(height, width) > SIDE
        else images
    )
