"""Reads images from disk whenever they are needed, where they are too many for memory."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import numpy as np

from workloads.arrays import Array
from workloads.data.sources.image_records import depth, example_shape, is_records, paths
from workloads.data.sources.images import Encoded, ImagesRead, read_image


def read(x: Array) -> Array:
    """Return the images (rows, channels, height, width), uint8, of records. Raises DataError where one is gone."""
    how = ImagesRead("data.folder", shape=example_shape(x), depth=depth(x))
    return np.stack(list(_readers().map(lambda path: read_image(Encoded(path, Path(path)), how), paths(x))))


def decoded(x: Array) -> Array:
    """Return a copy of raw examples, in which images replace records of images on disk."""
    return read(x) if is_records(x) else x.copy()


@cache
def _readers() -> ThreadPoolExecutor:
    """Return a pool with a thread for each core of this process: Pillow decodes without the interpreter's lock."""
    return ThreadPoolExecutor(len(os.sched_getaffinity(0)), thread_name_prefix="images")
