"""Reads examples: registered data sets, CSV and Parquet tables, and Parquet files of encoded images."""

from __future__ import annotations

import io
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from search_spaces.problems import DataKind
from workloads.features import Array
from workloads.splits import DataError

if TYPE_CHECKING:
    from search_spaces.data import Data


@dataclass(frozen=True)
class Raw:
    """What a source holds: inputs, and the target column as it was written."""

    kind: DataKind
    x: Array
    target: Any
    """One value per row, a pandas Series."""
    columns: tuple[str, ...] = ()
    """The features' names, for tables."""


def read(data: Data, path: str | None) -> Raw:
    """The examples of ``data``, from ``path`` instead of its own file where one is given (a test file)."""
    if data.name is not None:
        return _registered(data.name)
    source = path or data.csv or data.parquet
    assert source is not None
    if data.image is not None:
        return _images(source, data)
    return _table(_frame(source, data), data, source)


def _registered(name: str) -> Raw:
    import pandas as pd
    from sklearn import datasets

    if name == "digits":
        bunch = datasets.load_digits()
        return Raw("image", bunch.images.astype(np.uint8)[:, None], pd.Series(bunch.target))
    loaders = {"breast_cancer": datasets.load_breast_cancer, "wine": datasets.load_wine}
    if name not in loaders:
        raise DataError(f"there is no registered data set {name!r}; there are digits, {', '.join(loaders)}")
    bunch = loaders[name]()
    labels = pd.Series(bunch.target_names[bunch.target]).astype(str)
    return Raw("table", bunch.data.astype(np.float64), labels, tuple(map(str, bunch.feature_names)))


def _frame(path: str, data: Data, columns: list[str] | None = None) -> Any:
    import pandas as pd

    try:
        if data.parquet is not None:
            return pd.read_parquet(path, columns=columns)
        frame = pd.read_csv(path, header=0 if data.header else None, skipinitialspace=True)
    except FileNotFoundError as error:
        raise DataError(f"there is no file {path}") from error
    except (OSError, ValueError, pd.errors.ParserError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    return frame if data.header else frame.set_axis([f"c{i}" for i in range(frame.shape[1])], axis=1)


def _target(frame: Any, data: Data, path: str) -> Any:
    if data.target not in frame.columns:
        shown = ", ".join(map(str, frame.columns[:20])) + (", ..." if frame.shape[1] > 20 else "")
        raise DataError(f"{Path(path).name} has no column {data.target!r}; it has {shown}")
    target = frame[data.target]
    if target.isna().any():
        raise DataError(f"column {data.target!r} of {Path(path).name} is empty in {int(target.isna().sum())} rows")
    return target


def _table(frame: Any, data: Data, path: str) -> Raw:
    import pandas as pd

    target = _target(frame, data, path)
    features = frame.drop(columns=[data.target])
    text = [str(name) for name in features if not pd.api.types.is_numeric_dtype(features[name])]
    if text:
        raise DataError(
            f"{Path(path).name}: columns that are not numbers cannot be features yet: {', '.join(text)}"
        )
    if features.shape[1] == 0:
        raise DataError(f"{Path(path).name} has no column besides the target {data.target!r}")
    x = features.to_numpy(dtype=np.float64, na_value=np.nan)
    infinite = [str(name) for name, bad in zip(features, np.isinf(x).any(axis=0), strict=True) if bad]
    if infinite:
        raise DataError(f"{Path(path).name}: infinite values in columns {', '.join(infinite)}")
    return Raw("table", x, target, tuple(map(str, features.columns)))


def _images(path: str, data: Data) -> Raw:
    frame = _frame(path, data)
    target = _target(frame, data, path)
    if data.image not in frame.columns:
        raise DataError(
            f"{Path(path).name} has no column {data.image!r} of images; it has {', '.join(frame.columns)}"
        )
    return Raw("image", decode(frame[data.image]), target)


def decode(cells: Iterable[Any]) -> Array:
    """Encoded images (bytes, or records with a field ``bytes``) as uint8 (rows, channels, height, width).

    One channel if all are grey, else three. Raises DataError for what is no image, and for unequal sizes.
    """
    with ThreadPoolExecutor() as pool:  # Pillow decodes without the interpreter's lock
        images = list(pool.map(_decode_one, enumerate(cells)))
    sizes = {image.shape[:2] for image in images}
    if len(sizes) > 1:
        shown = ", ".join(sorted(f"{width} x {height}" for height, width in sizes)[:5])
        raise DataError(f"the images differ in size ({shown}): give images of one size")
    if any(image.ndim == 3 for image in images):
        images = [image if image.ndim == 3 else np.stack([image] * 3, axis=-1) for image in images]
        return np.ascontiguousarray(np.stack(images).transpose(0, 3, 1, 2))
    return np.stack(images)[:, None]


def _decode_one(numbered: tuple[int, Any]) -> Array:
    from PIL import Image

    row, cell = numbered
    encoded = cell.get("bytes") if isinstance(cell, dict) else cell
    if not isinstance(encoded, bytes):
        raise DataError(f"row {row}: the image is {type(encoded).__name__}, not the bytes of a JPEG or PNG file")
    try:
        with Image.open(io.BytesIO(encoded), formats=("JPEG", "PNG")) as image:
            return np.asarray(image.convert("L" if image.mode in ("1", "L", "I", "I;16") else "RGB"))
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"row {row}: the image cannot be decoded: {error}") from error
