"""Decides whether training rows are streamed (read in every epoch), by the file's size; opens no file."""

from __future__ import annotations

from pathlib import Path

from search_spaces.spec.data import Data

SHARE = 0.25
"""Share of a lane's memory that its data may take; the machine keeps one more copy for all lanes."""
CSV_GROWTH = 4.0
"""Bytes in memory for each byte of the file: a cell of a few characters becomes 8 bytes, held twice."""
PARQUET_GROWTH = 6.0
IMAGE_GROWTH = 10.0
"""Bytes in memory for each byte of encoded (JPEG) images."""


def decided(data: Data, lane_bytes: float) -> bool:
    """Return whether to stream, for a lane with ``lane_bytes`` of memory.

    A choice in the spec is kept; with folds, which need all rows, nothing is streamed, nor are texts. Image folders
    are not concerned: images that do not fit stay on disk anyway.
    """
    if data.streaming is not None or data.split.folds is not None or data.texts or data.completion:
        return bool(data.streaming)
    return expected_bytes(data) > SHARE * lane_bytes


def expected_bytes(data: Data) -> float:
    """Return the estimated bytes in memory of a table's files on this machine; 0 where there are none."""
    text = data.csv or data.parquet
    if text is None:
        return 0.0
    growth = CSV_GROWTH if data.csv else IMAGE_GROWTH if data.image else PARQUET_GROWTH
    return growth * sum(Path(each).stat().st_size for each in (text, *data.also) if Path(each).is_file())
