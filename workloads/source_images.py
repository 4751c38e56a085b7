"""Encoded images as arrays of bytes, all of one size; and Parquet files with a column of them."""

from __future__ import annotations

import io
import statistics
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workloads.features import Array
from workloads.raw import Raw
from workloads.source_tables import read_frame, target_of
from workloads.splits import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

    from search_spaces.data import Data

FORMATS = ("JPEG", "PNG", "WEBP", "BMP")
LARGEST_SIDE = 256
"""Images whose shorter side is longer are shrunk to it, in pixels, as they are decoded."""
NAMED = 5


@dataclass(frozen=True)
class Encoded:
    """An image in its file's form."""

    name: str
    """For people: ``cats/7.jpg`` or ``row 7``."""
    content: Path | bytes


@dataclass(frozen=True)
class Decoded:
    """Images as uint8 (rows, channels, height, width): one channel if all are grey, else three."""

    x: Array
    kept: Array
    """Which of the encoded ones they are."""
    bad: tuple[str, ...]
    """Names of those that were left out, because they are no images."""

    def details(self) -> dict[str, int | str]:
        """For the data card: nothing where all were good."""
        if not self.bad:
            return {}
        more = ", ..." if len(self.bad) > NAMED else ""
        return {"bad_images": len(self.bad), "bad_image_names": ", ".join(self.bad[:NAMED]) + more}


def parquet_images(path: str, data: Data) -> Raw:
    """The column of images of a Parquet file, encoded as bytes or as records with a field ``bytes``."""
    frame = read_frame(path, data)
    target = target_of(frame, data, path)
    if data.image not in frame.columns:
        raise DataError(
            f"{Path(path).name} has no column {data.image!r} of images; it has {', '.join(frame.columns)}"
        )
    cells = [Encoded(f"row {row}", _bytes(cell, row)) for row, cell in enumerate(frame[data.image])]
    found = decode(cells, f"data.parquet: {Path(path).name}", skip_bad=data.skip_bad)
    return Raw("image", found.x, target.iloc[found.kept], details=found.details())


def _bytes(cell: Any, row: int) -> bytes:
    encoded = cell.get("bytes") if isinstance(cell, dict) else cell
    if not isinstance(encoded, bytes):
        raise DataError(f"row {row}: the image is {type(encoded).__name__}, not the bytes of a JPEG or PNG file")
    return encoded


def decode(images: Sequence[Encoded], place: str, *, skip_bad: bool = False) -> Decoded:
    """All images, on all cores. DataError, which names it, for one that cannot be read, unless ``skip_bad``.

    Where sizes differ, all are resized and cropped to a square with the median of their shorter sides.
    """
    with ThreadPoolExecutor() as pool:  # Pillow decodes without the interpreter's lock
        found = list(pool.map(partial(_decode, place=place, skip_bad=skip_bad), images))
    kept = [i for i, image in enumerate(found) if image is not None]
    bad = tuple(encoded.name for encoded, image in zip(images, found, strict=True) if image is None)
    if not kept:
        raise DataError(f"{place}: there is no image that can be read")
    arrays = _equal([image for image in found if image is not None])
    return Decoded(_stacked(arrays), np.array(kept), bad)


def _decode(encoded: Encoded, place: str, skip_bad: bool) -> Array | None:
    from PIL import Image, ImageOps

    source = io.BytesIO(encoded.content) if isinstance(encoded.content, bytes) else encoded.content
    try:
        with Image.open(source, formats=FORMATS) as image:
            image.draft(None, (LARGEST_SIDE, LARGEST_SIDE))  # large JPEGs are decoded at a half, a quarter ...
            return np.asarray(_shrunk(ImageOps.exif_transpose(image)))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        if skip_bad:
            return None
        reason = " ".join(str(error).split())
        raise DataError(
            f"{place}: {encoded.name}: the image cannot be decoded, it must be {_listed(FORMATS)}: {reason} "
            "(data.skip_bad: true leaves such images out)"
        ) from error


def _shrunk(image: Image) -> Image:
    image = image.convert("L" if image.mode in ("1", "L", "I", "I;16") else "RGB")
    scale = LARGEST_SIDE / min(image.size)
    if scale >= 1:
        return image
    width, height = (max(LARGEST_SIDE, round(side * scale)) for side in image.size)
    return image.resize((width, height))


def _equal(images: list[Array]) -> list[Array]:
    """(height, width) or (height, width, 3) each: as they are if their sizes are equal, else squares."""
    if len({image.shape[:2] for image in images}) == 1:
        return images
    from PIL import Image, ImageOps

    side = round(statistics.median(min(image.shape[:2]) for image in images))
    return [np.asarray(ImageOps.fit(Image.fromarray(image), (side, side))) for image in images]


def _stacked(images: list[Array]) -> Array:
    if any(image.ndim == 3 for image in images):
        images = [image if image.ndim == 3 else np.stack([image] * 3, axis=-1) for image in images]
        return np.ascontiguousarray(np.stack(images).transpose(0, 3, 1, 2))
    return np.stack(images)[:, None]


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"
