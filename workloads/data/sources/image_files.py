"""Images read from disk again and again, where they are too many for memory."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import numpy as np

from workloads.arrays import Array
from workloads.data.sources.image_records import example_shape, is_records, paths
from workloads.data.sources.images import Encoded, ImagesRead, read_image


def read(x: Array) -> Array:
    """The images (rows, channels, height, width) of records, in their order."""
    shape, how = example_shape(x), ImagesRead("data.folder")
    return np.stack(list(_readers().map(lambda path: read_image(Encoded(path, Path(path)), how, shape), paths(x))))


def decoded(x: Array) -> Array:
    """A copy of raw examples, those on disk as the images that they are."""
    return read(x) if is_records(x) else x.copy()


@cache
def _readers() -> ThreadPoolExecutor:
    """As many threads as this process may use cores: Pillow decodes without the interpreter's lock."""
    return ThreadPoolExecutor(len(os.sched_getaffinity(0)), thread_name_prefix="images")
