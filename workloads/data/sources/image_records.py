"""Records of images on disk, too many for memory: each is a row of bytes with the image's statistics and path.

Records are handled like any other examples. The array is uint8 of shape (rows, size of HEAD + longest path), which
tells it apart: images in memory have four dimensions, and tables hold floats.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from workloads.arrays import Array
from workloads.data.sources.image_pixels import EIGHT_BITS, Depth, Levels

HEAD = np.dtype([("shape", "<i4", (3,)), ("mean", "<f8", (3,)), ("square", "<f8", (3,)), ("digest", "u1", (16,))])
"""Start of a record: shape as decoded (channels, height, width), mean and mean square of each channel in 0 to 255,
and a digest of the decoded bytes."""


def is_records(x: Array) -> bool:
    """Return whether the examples are records of images on disk."""
    return x.dtype == np.uint8 and x.ndim == 2


def head(image: Array) -> Array:
    """Return the HEAD, an array of length 1, of an image (3, height, width) in uint8."""
    found = np.zeros(1, HEAD)
    levels = image.reshape(3, -1).astype(np.float64)
    found["shape"], found["mean"], found["square"] = image.shape, levels.mean(1), (levels**2).mean(1)
    digest = hashlib.blake2b(np.ascontiguousarray(image).tobytes(), digest_size=16).digest()
    found["digest"] = np.frombuffer(digest, np.uint8)
    return found


def records(heads: Sequence[Array], paths: Sequence[str], depth: Depth = EIGHT_BITS) -> Array:
    """Return records made of heads and paths; a path is UTF-8, filled up with zeros.

    Behind the path, and a zero, stand bits, lowest and highest value of images that are deeper than 8 bits.
    """
    levels = depth.levels
    behind = "" if levels is None else f"\0{depth.bits} {levels.low!r} {levels.high!r}"
    encoded = np.array([f"{path}{behind}".encode() for path in paths])
    places = encoded.view(np.uint8).reshape(len(paths), encoded.itemsize)
    return np.concatenate([np.concatenate(heads).view(np.uint8).reshape(len(heads), HEAD.itemsize), places], axis=1)


def heads(x: Array) -> Array:
    """Return the records' heads (rows,), of type HEAD."""
    return np.ascontiguousarray(x[:, : HEAD.itemsize]).view(HEAD)[:, 0]


def paths(x: Array) -> list[str]:
    """Return the paths of the records' images."""
    return [_behind_head(row)[0] for row in x]


def depth(x: Array) -> Depth:
    """Return the depth of the records' images, the same for all."""
    found = _behind_head(x[0])[1] if len(x) else ""
    if not found:
        return Depth()
    bits, low, high = found.split()
    return Depth(int(bits), Levels(float(low), float(high)))


def _behind_head(row: Array) -> tuple[str, str]:
    path, _, levels = bytes(row[HEAD.itemsize :]).rstrip(b"\0").decode().partition("\0")
    return path, levels


def example_shape(x: Array) -> tuple[int, ...]:
    """Return the shape of one example; of records, that of a decoded image."""
    return tuple(heads(x[:1])["shape"][0].tolist()) if is_records(x) else tuple(x.shape[1:])


def contents(x: Array) -> Array:
    """Return rows that are equal exactly where the examples are: of records, the images' digests."""
    return heads(x)["digest"] if is_records(x) else x
