"""Images from Parquet files: a column of encoded bytes."""

from __future__ import annotations

import io
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workloads.features import Array
from workloads.raw import Raw
from workloads.source_tables import read_frame, target_of
from workloads.splits import DataError

if TYPE_CHECKING:
    from search_spaces.data import Data


def parquet_images(path: str, data: Data) -> Raw:
    frame = read_frame(path, data)
    target = target_of(frame, data, path)
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
