"""Reads examples: each source of a spec's ``data`` by the file that knows it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from workloads.arrays import DataError
from workloads.data.raw import Ordered, Raw
from workloads.data.sources.image_folder import folder_images
from workloads.data.sources.images import parquet_images
from workloads.data.sources.series import series
from workloads.data.sources.tables import read_frame, table, target_of
from workloads.data.sources.text import text
from workloads.data.sources.torchvision_sets import SETS, torchvision_images
from workloads.data.streaming.scan import read_whole, scanned

if TYPE_CHECKING:
    from search_spaces.spec.data import Data


def read(data: Data, path: str | None, like: Raw | None = None) -> Raw:
    """The examples of ``data``, from ``path`` instead of its own file where one is given (a test file).

    A test file is read ``like`` the other one: a table then has the same columns, and images have the same size.
    Of a source that is streamed only some rows are, see ``stream_scan``.
    """
    if data.name is not None:
        return torchvision_images(data.name, data.root) if data.name in SETS else _registered(data)
    if data.streaming:
        return scanned(data) if path is None or like is None else read_whole(data, path, like)
    source = path or data.csv or data.parquet or data.folder
    assert source is not None
    if data.folder is not None:
        return folder_images(source, data, like)
    if data.image is not None:
        return parquet_images(source, data, like)
    frame = read_frame(source, data)
    return table(frame, target_of(frame, data, source), data, source, like)


def read_ordered(data: Data) -> Ordered:
    """The windows of a text or a series."""
    return text(data) if data.text is not None else series(data)


def _registered(data: Data) -> Raw:
    import pandas as pd
    from sklearn import datasets

    name = str(data.name)
    if name == "digits":
        bunch = datasets.load_digits()
        return Raw("image", bunch.images.astype(np.uint8)[:, None], pd.Series(bunch.target))
    loaders = {
        "breast_cancer": datasets.load_breast_cancer,
        "wine": datasets.load_wine,
        "iris": datasets.load_iris,
        "diabetes": partial(datasets.load_diabetes, scaled=False),
    }
    if name not in loaders:
        raise DataError(f"there is no registered data set {name!r}; there are digits, {', '.join(loaders)}")
    bunch = loaders[name]()
    names = bunch.get("target_names")
    target = pd.Series(bunch.target if names is None else names[bunch.target].astype(str))
    frame = pd.DataFrame(bunch.data, columns=list(map(str, bunch.feature_names)))
    return table(frame, target, data, name)
