"""Whether a sweep's training rows are read in every epoch because they would not fit in memory; opens no file."""

from __future__ import annotations

from pathlib import Path

from search_spaces.spec.data import Data

SHARE = 0.25
"""Of a lane's memory that its data may take: the machine keeps it once more for all lanes."""
CSV_GROWTH = 4.0
"""Bytes in memory for one of the file: a cell of a few characters becomes a number of 8 bytes, twice."""
PARQUET_GROWTH = 6.0
IMAGE_GROWTH = 10.0
"""Of encoded images, as JPEG has them."""


def decided(data: Data, lane_bytes: float) -> bool:
    """Whether to stream, of a lane with so much memory. Folds need all rows, and a spec that says so is obeyed.

    Images of a folder that are too many stay on disk without any of this.
    """
    if data.streaming is not None or data.split.folds is not None:
        return bool(data.streaming)
    return expected_bytes(data) > SHARE * lane_bytes


def expected_bytes(data: Data) -> float:
    """What the rows of a table's file on this machine would take in memory; 0 for one that is not there."""
    text = data.csv or data.parquet
    if text is None or not Path(text).is_file():
        return 0.0
    growth = CSV_GROWTH if data.csv else IMAGE_GROWTH if data.image else PARQUET_GROWTH
    return growth * Path(text).stat().st_size
