"""Reads the examples of a spec's ``data``, by the reader for its kind of source."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from search_spaces.spec.files.steady import FileChanged, unchanged
from workloads.arrays import DataError
from workloads.data.raw import Ordered, Raw
from workloads.data.sentences.documents import documents
from workloads.data.sources.image_folder import folder_images
from workloads.data.sources.images import parquet_images
from workloads.data.sources.series import series
from workloads.data.sources.tables import read_table, table
from workloads.data.sources.text import text
from workloads.data.sources.torchvision_sets import SETS, torchvision_images
from workloads.data.streaming.scan import read_whole, scanned

if TYPE_CHECKING:
    from search_spaces.spec.data import Data


def read(data: Data, path: str | None, like: Raw | None = None) -> Raw:
    """Read the examples of ``data``, or with ``path`` those of a further file, of validation or test.

    A further file is read ``like`` the first one: a table gets the same columns, images get the same size. Of a
    streamed source only validation rows, test rows and a sample are kept. Raises DataError, one sentence.
    """
    if data.name is not None:
        return torchvision_images(data.name, data.root) if data.name in SETS else _registered(data)
    if data.streaming:
        return scanned(data) if path is None or like is None else read_whole(data, path, like)
    source = path or data.table_file or data.folder or data.documents
    assert source is not None
    if data.documents is not None:
        return documents(source, data, like)
    if data.folder is not None:
        return folder_images(source, data, like)
    with unchanged_files(source, *(data.also if path is None else ())):
        return parquet_images(source, data, like) if data.image is not None else read_table(source, data, like)


def read_ordered(data: Data) -> Ordered:
    """Read a text or a series as windows, split already. Raises DataError, one sentence for the user."""
    with unchanged_files(data.text or data.series, data.test):
        return text(data) if data.text is not None else series(data)


@contextmanager
def unchanged_files(*paths: str | None) -> Iterator[None]:
    """Raise DataError after the block if a file was written to or replaced within it."""
    try:
        with unchanged([Path(path) for path in paths if path is not None]):
            yield
    except FileChanged as error:
        raise DataError(str(error)) from error


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
