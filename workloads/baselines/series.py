"""Series: a linear autoregression, which forecasts each step ahead from all values of the window."""

from __future__ import annotations

import numpy as np

from workloads.arrays import Array, Arrays
from workloads.baselines.contract import Predict
from workloads.data.search_data import SearchData


def autoregression(search: SearchData, train: Arrays) -> Predict:
    """Fit ridge regression on standardised windows, further inputs included, with scikit-learn's settings."""
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), Ridge()).fit(_flat(train), train.y)
    return lambda rows: np.asarray(model.predict(_flat(rows))).reshape(rows.y.shape)


def _flat(rows: Arrays) -> Array:
    return rows.x.reshape(len(rows), -1)
