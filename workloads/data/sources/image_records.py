"""Images that are too many for memory: an array of bytes whose rows say where each is, and what it measures.

So they travel like any other examples. The array is uint8, (rows, HEAD's size + the longest path); images in memory
have four dimensions, and tables hold floats.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from workloads.arrays import Array

HEAD = np.dtype([("shape", "<i4", (3,)), ("mean", "<f8", (3,)), ("square", "<f8", (3,)), ("digest", "u1", (16,))])
"""Channels, height and width as decoded; each channel's mean and mean square in 0 to 255; of the decoded bytes."""


def is_records(x: Array) -> bool:
    """Whether the examples are such rows."""
    return x.dtype == np.uint8 and x.ndim == 2


def head(image: Array) -> Array:
    """One row's head, of an image (3, height, width) of bytes."""
    found = np.zeros(1, HEAD)
    levels = image.reshape(3, -1).astype(np.float64)
    found["shape"], found["mean"], found["square"] = image.shape, levels.mean(1), (levels**2).mean(1)
    digest = hashlib.blake2b(np.ascontiguousarray(image).tobytes(), digest_size=16).digest()
    found["digest"] = np.frombuffer(digest, np.uint8)
    return found


def records(heads: Sequence[Array], paths: Sequence[str]) -> Array:
    """Rows of heads and paths; a path is UTF-8, and ends with zeros."""
    encoded = np.array([path.encode() for path in paths])
    places = encoded.view(np.uint8).reshape(len(paths), encoded.itemsize)
    return np.concatenate([np.concatenate(heads).view(np.uint8).reshape(len(heads), HEAD.itemsize), places], axis=1)


def heads(x: Array) -> Array:
    """The rows' heads, of type HEAD."""
    return np.ascontiguousarray(x[:, : HEAD.itemsize]).view(HEAD)[:, 0]


def paths(x: Array) -> list[str]:
    """Where the images are."""
    return [bytes(row[HEAD.itemsize :]).rstrip(b"\0").decode() for row in x]


def example_shape(x: Array) -> tuple[int, ...]:
    """One example's shape, of an image as it is decoded."""
    return tuple(heads(x[:1])["shape"][0].tolist()) if is_records(x) else tuple(x.shape[1:])


def contents(x: Array) -> Array:
    """What tells whether two examples are the same: rows that are equal where the images are."""
    return heads(x)["digest"] if is_records(x) else x
