"""Decodes images to arrays of bytes of one size, and reads Parquet files with a column of images."""

from __future__ import annotations

import io
import math
import statistics
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from search_spaces.types.error_text import one_line
from workloads.arrays import Array, DataError
from workloads.data.raw import Raw
from workloads.data.sources.image_records import example_shape, head, records
from workloads.data.sources.tables import groups_of, read_frame, target_of

if TYPE_CHECKING:
    from PIL.Image import Image

    from search_spaces.spec.data import Data

FORMATS = ("JPEG", "PNG", "WEBP", "BMP")
LARGEST_SIDE = 256
"""Longest shorter side of a decoded image in pixels; larger images are shrunk to it."""
NAMED = 5
"""Number of bad images that are named."""
BLOCK = 1024
"""Number of images that are decoded ahead, at most, before they are counted against the limit of memory."""


@dataclass(frozen=True)
class Encoded:
    """An image as its file's bytes, or the path of its file."""

    name: str
    """Name of the image in messages: ``cats/7.jpg`` or ``row 7``."""
    content: Path | bytes


@dataclass(frozen=True)
class Decoded:
    """Images as uint8 (rows, channels, height, width): one channel if all are grey, else three."""

    x: Array
    """The images, or records of images on disk where they take more memory than the limit."""
    kept: Array
    """Positions of these images among the encoded ones (rows,)."""
    bad: tuple[str, ...]
    """Names of the encoded ones that cannot be decoded and are left out."""

    def details(self) -> dict[str, int | str]:
        """Return the number and names of bad images for the data card; empty where there are none."""
        if not self.bad:
            return {}
        more = ", ..." if len(self.bad) > NAMED else ""
        return {"bad_images": len(self.bad), "bad_image_names": ", ".join(self.bad[:NAMED]) + more}


@dataclass(frozen=True)
class ImagesRead:
    """Options for reading images."""

    place: str
    """Source of the images in messages: the key of the spec, and the file or folder."""
    skip_bad: bool = False
    """Leave out images that cannot be decoded, instead of raising DataError."""
    limit_bytes: float = math.inf
    """Size of all decoded images above which they stay on disk; only for images in files of their own."""
    shape: tuple[int, ...] | None = None
    """Channels, height and width that all are converted to, those of another file's images; None: their own."""


def parquet_images(path: str, data: Data, like: Raw | None = None) -> Raw:
    """Read a Parquet file with a column of images, each as bytes or as a record with a field ``bytes``.

    With ``like`` the images get the size of that source's. Raises DataError for a missing column or a bad image.
    """
    frame, _ = read_frame(path, data)
    target = target_of(frame, data, path)
    if data.image not in frame.columns:
        raise DataError(
            f"{Path(path).name} has no column {data.image!r} of images; it has {', '.join(frame.columns)}"
        )
    cells = [Encoded(f"row {row}", encoded_bytes(cell, row)) for row, cell in enumerate(frame[data.image])]
    shape = None if like is None else example_shape(like.x)
    found = decode(cells, ImagesRead(f"data.parquet: {Path(path).name}", data.skip_bad, shape=shape))
    groups = groups_of(frame, data, path, like)
    return Raw(
        "image",
        found.x,
        target.iloc[found.kept],
        notes=groups.notes,
        groups=None if groups.numbers is None else groups.numbers[found.kept],
        group_names=groups.names,
        details=found.details(),
    )


def encoded_bytes(cell: Any, row: int) -> bytes:
    """Return the bytes in a cell: bytes, or a record with a field ``bytes``. Raises DataError for others."""
    encoded = cell.get("bytes") if isinstance(cell, dict) else cell
    if not isinstance(encoded, bytes):
        raise DataError(f"row {row}: the image is {type(encoded).__name__}, not the bytes of a JPEG or PNG file")
    return encoded


def decode(images: Sequence[Encoded], how: ImagesRead) -> Decoded:
    """Decode all images on all cores. Raises DataError that names a bad image, unless ``how.skip_bad``.

    Where sizes differ and ``how.shape`` is None, all are resized and cropped to a square, whose side is the median
    of their shorter sides.
    """
    with ThreadPoolExecutor() as pool:  # Pillow decodes without the interpreter's lock
        shapes, arrays = _first_pass(images, how, pool)
        kept = [i for i, shape in enumerate(shapes) if shape is not None]
        bad = tuple(encoded.name for encoded, shape in zip(images, shapes, strict=True) if shape is None)
        if not kept:
            raise DataError(f"{how.place}: there is no image that can be read")
        shape = how.shape or common_shape([shape for shape in shapes if shape is not None])
        if arrays is not None:
            x = np.stack(list(pool.map(partial(fitted, shape=shape), arrays)))
        else:
            shape = (3, *shape[1:])
            measured = list(pool.map(lambda i: head(read_image(images[i], how, shape)), kept))
            x = records(measured, [str(images[i].content) for i in kept])
    return Decoded(x, np.array(kept), bad)


def _first_pass(
    images: Sequence[Encoded], how: ImagesRead, pool: ThreadPoolExecutor
) -> tuple[list[tuple[int, ...] | None], list[Array] | None]:
    """Return each image's shape, None for a bad one, and the good images, None if they take more than the limit."""
    shapes: list[tuple[int, ...] | None] = []
    arrays: list[Array] | None = []
    num_bytes = 0
    for start in range(0, len(images), BLOCK):
        for array in pool.map(partial(_decode, how=how), images[start : start + BLOCK]):
            shapes.append(None if array is None else array.shape)
            num_bytes += 0 if array is None else array.nbytes
            if num_bytes > how.limit_bytes:
                arrays = None
            if arrays is not None and array is not None:
                arrays.append(array)
    return shapes, arrays


def _decode(encoded: Encoded, how: ImagesRead) -> Array | None:
    """Return a grey image as (height, width), any other as (height, width, 3); None for a bad one to be skipped."""
    from PIL import Image, ImageOps

    source = io.BytesIO(encoded.content) if isinstance(encoded.content, bytes) else encoded.content
    try:
        with Image.open(source, formats=FORMATS) as image:
            image.draft(None, (LARGEST_SIDE, LARGEST_SIDE))  # large JPEGs are decoded at a half, a quarter ...
            return np.asarray(_shrunk(ImageOps.exif_transpose(image)))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        if how.skip_bad:
            return None
        raise DataError(
            f"{how.place}: {encoded.name}: the image cannot be decoded, it must be {_listed(FORMATS)}: "
            f"{one_line(error)} (data.skip_bad: true leaves such images out)"
        ) from error


def read_image(encoded: Encoded, how: ImagesRead, shape: tuple[int, ...]) -> Array:
    """Return an image of shape (channels, height, width) that was read before. Raises DataError when it is gone."""
    array = _decode(encoded, how)
    if array is None:
        raise DataError(f"{how.place}: {encoded.name}: the image could be read before, and cannot any more")
    return fitted(array, shape)


def readable(encoded: Encoded, how: ImagesRead) -> Array | None:
    """Return an image converted to ``how.shape``. None for a bad one if ``how.skip_bad``, else DataError."""
    assert how.shape is not None
    array = _decode(encoded, how)
    return None if array is None else fitted(array, how.shape)


def _shrunk(image: Image) -> Image:
    image = image.convert("L" if image.mode in ("1", "L", "I", "I;16") else "RGB")
    scale = LARGEST_SIDE / min(image.size)
    if scale >= 1:
        return image
    width, height = (max(LARGEST_SIDE, round(side * scale)) for side in image.size)
    return image.resize((width, height))


def common_shape(shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """Return channels, height and width for images of these shapes.

    One channel if all are grey, else three; their size if it is the same, else a square with the median of their
    shorter sides.
    """
    num_channels = 3 if any(len(shape) == 3 for shape in shapes) else 1
    if len({shape[:2] for shape in shapes}) == 1:
        return num_channels, *shapes[0][:2]
    side = round(statistics.median(min(shape[:2]) for shape in shapes))
    return num_channels, side, side


def fitted(image: Array, shape: tuple[int, ...]) -> Array:
    """Convert an image (height, width) or (height, width, 3) to ``shape`` (channels, height, width).

    It is resized and cropped, and made grey or coloured as the channels say.
    """
    from PIL import Image, ImageOps

    num_channels, height, width = shape
    if image.shape[:2] != (height, width):
        image = np.asarray(ImageOps.fit(Image.fromarray(image), (width, height)))
    if num_channels == 1 and image.ndim == 3:
        image = np.asarray(Image.fromarray(image).convert("L"))
    if image.ndim == 2:
        return np.stack([image] * num_channels)
    return np.ascontiguousarray(image.transpose(2, 0, 1))


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"
