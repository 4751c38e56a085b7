"""Decodes many images to arrays of bytes of one size, and reads Parquet files with a column of images."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial, reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workloads.arrays import Array, DataError
from workloads.data.raw import Raw
from workloads.data.sources.image_pixels import EIGHT_BITS, FORMATS, BadImage, Depth, Pixels, decoded
from workloads.data.sources.image_records import example_shape, head, records
from workloads.data.sources.tables import groups_of, read_frame, target_of

if TYPE_CHECKING:
    from search_spaces.spec.data import Data

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
    depth: Depth = EIGHT_BITS
    """Depth of all of them."""
    num_transparent: int = 0
    """Number of images with transparent pixels, which are shown on white."""

    def details(self) -> dict[str, int | str]:
        """Return facts for the data card: bad and transparent images, and the range of deep ones; {} for none."""
        found: dict[str, int | str] = {}
        if self.bad:
            more = ", ..." if len(self.bad) > NAMED else ""
            found |= {"bad_images": len(self.bad), "bad_image_names": ", ".join(self.bad[:NAMED]) + more}
        if self.num_transparent:
            found["transparent_images"] = self.num_transparent
        if levels := self.depth.levels:
            found |= {
                "bits": self.depth.bits,
                "lowest_value": f"{levels.low:.9g}",
                "highest_value": f"{levels.high:.9g}",
            }
        return found

    def notes(self) -> tuple[str, ...]:
        """Return sentences for the user on how pixels were changed."""
        found = []
        if levels := self.depth.levels:
            values = f"the values {levels.low:.9g} to {levels.high:.9g}, the range of all images, become 0 to 255"
            found.append(f"images have {self.depth.bits} bits a value: {values}")
        if self.num_transparent:
            found.append(f"{self.num_transparent} images have transparent pixels: they are shown on white")
        return tuple(found)


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
    depth: Depth = EIGHT_BITS
    """Depth that all must have, with ``shape``; without, it is told from the images."""


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
    cells = [Encoded(f"row {row}", encoded_bytes(cell, row)) for row, cell in enumerate(frame[data.image], 1)]
    found = decode(cells, images_like(ImagesRead(f"data.parquet: {Path(path).name}", data.skip_bad), like))
    groups = groups_of(frame, data, path, like)
    return replace(
        raw_images(found, target),
        notes=(*found.notes(), *groups.notes),
        groups=None if groups.numbers is None else groups.numbers[found.kept],
        group_names=groups.names,
    )


def images_like(how: ImagesRead, like: Raw | None) -> ImagesRead:
    """Return the options with the shape and the depth of the images of ``like``, if there is one."""
    return how if like is None else replace(how, shape=example_shape(like.x), depth=like.depth)


def raw_images(found: Decoded, target: Any) -> Raw:
    """Return decoded images as a source's examples; ``target`` has a value for each of the encoded ones."""
    kept = target.iloc[found.kept]
    return Raw("image", found.x, kept, notes=found.notes(), details=found.details(), depth=found.depth)


def encoded_bytes(cell: Any, row: int) -> bytes:
    """Return the bytes in a cell: bytes, or a record with a field ``bytes``. Raises DataError for others."""
    encoded = cell.get("bytes") if isinstance(cell, dict) else cell
    if not isinstance(encoded, bytes):
        raise DataError(f"row {row}: the image is {type(encoded).__name__}, not the bytes of a JPEG or PNG file")
    return encoded


def decode(images: Sequence[Encoded], how: ImagesRead) -> Decoded:
    """Decode all images on all cores. Raises DataError that names a bad image, unless ``how.skip_bad``.

    Where sizes differ and ``how.shape`` is None, all are resized and cropped to a square, whose side is the median
    of their shorter sides. Images of more than 8 bits a value are decoded twice: first for the range of all.
    """
    with ThreadPoolExecutor() as pool:  # Pillow decodes without the interpreter's lock
        seen = _first_pass(images, how, pool)
        kept = [i for i, shape in enumerate(seen.shapes) if shape is not None]
        bad = tuple(encoded.name for encoded, shape in zip(images, seen.shapes, strict=True) if shape is None)
        if not kept:
            raise DataError(f"{how.place}: there is no image that can be read")
        depth = how.depth if how.shape else _common_depth([images[i].name for i in kept], seen, how.place)
        shape = how.shape or common_shape([shape for shape in seen.shapes if shape is not None])
        how = replace(how, shape=shape if seen.in_memory else (3, *shape[1:]), depth=depth)
        if not seen.in_memory:
            measured = list(pool.map(lambda i: head(read_image(images[i], how)), kept))
            x = records(measured, [str(images[i].content) for i in kept], depth)
        elif len(seen.arrays) == len(kept):
            x = np.stack(list(pool.map(partial(fitted, shape=shape), seen.arrays)))
        else:
            x = np.stack(list(pool.map(lambda i: read_image(images[i], how), kept)))
    return Decoded(x, np.array(kept), bad, depth, seen.num_transparent)


@dataclass
class _Seen:
    """What the first pass over the images found."""

    shapes: list[tuple[int, ...] | None] = field(default_factory=list)
    """Shape of each image; None for a bad one."""
    depths: list[Depth] = field(default_factory=list)
    """Depth of each good image."""
    arrays: list[Array] = field(default_factory=list)
    """The good images of 8 bits, or whose range is known; none where they take more memory than the limit."""
    num_bytes: int = 0
    in_memory: bool = True
    num_transparent: int = 0

    def add(self, found: Pixels | None, limit_bytes: float) -> None:
        """Note one image."""
        self.shapes.append(None if found is None else found.values.shape)
        if found is None:
            return
        self.depths.append(found.depth)
        self.num_bytes += found.values.size
        self.num_transparent += found.transparent
        if self.num_bytes > limit_bytes:
            self.in_memory, self.arrays = False, []
        elif self.in_memory and found.values.dtype == np.uint8:
            self.arrays.append(found.values)


def _first_pass(images: Sequence[Encoded], how: ImagesRead, pool: ThreadPoolExecutor) -> _Seen:
    seen = _Seen()
    for start in range(0, len(images), BLOCK):
        for found in pool.map(partial(_decode, how=how), images[start : start + BLOCK]):
            seen.add(found, how.limit_bytes)
    return seen


def _common_depth(names: Sequence[str], seen: _Seen, place: str) -> Depth:
    """Return the depth of all images, with the range of all values. Raises DataError where depths differ."""
    first = seen.depths[0]
    other = next((k for k, depth in enumerate(seen.depths) if depth.bits != first.bits), None)
    if other is not None:
        both = f"{names[0]} has {first.bits} and {names[other]} {seen.depths[other].bits}"
        raise DataError(f"{place}: all images must have the same number of bits a value, {both}")
    return reduce(Depth.joined, seen.depths)


def _decode(encoded: Encoded, how: ImagesRead) -> Pixels | None:
    """Return an image, as uint8 where its range is known; None for a bad one to be skipped, else DataError."""
    try:
        found = decoded(encoded.content)
        if how.shape is None:
            return found
        if found.depth.bits != how.depth.bits:
            raise BadImage(f"it has {found.depth.bits} bits a value, and the others {how.depth.bits}")
        levels = how.depth.levels
        return found if levels is None else replace(found, values=levels.scaled(found.values))
    except BadImage as error:
        if how.skip_bad:
            return None
        raise DataError(
            f"{how.place}: {encoded.name}: the image cannot be decoded, it must be {_listed(FORMATS)}: {error} "
            "(data.skip_bad: true leaves such images out)"
        ) from error


def read_image(encoded: Encoded, how: ImagesRead) -> Array:
    """Return an image of ``how.shape`` that was read before. Raises DataError when it is gone."""
    found = readable(encoded, how)
    if found is None:
        raise DataError(f"{how.place}: {encoded.name}: the image could be read before, and cannot any more")
    return found


def readable(encoded: Encoded, how: ImagesRead) -> Array | None:
    """Return an image converted to ``how.shape``. None for a bad one if ``how.skip_bad``, else DataError."""
    assert how.shape is not None
    found = _decode(encoded, how)
    return None if found is None else fitted(found.values, how.shape)


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
