"""Streams without Ray: a shard that reads the pieces itself, and tables whose rows all differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from workloads.arrays import Array
from workloads.data.streaming.stream import Stream


@dataclass(frozen=True)
class OwnShard:
    """A shard with all rows, or those of process ``rank`` of ``size``, in an order that depends on the epoch."""

    stream: Stream
    rank: int = 0
    size: int = 1

    def portions(self, epoch: int, size: int) -> Iterator[tuple[Array, Array]]:
        x, y = all_rows(self.stream)
        order = np.random.default_rng(epoch).permutation(len(y))[self.rank :: self.size]
        for start in range(0, len(order), size):
            rows = order[start : start + size]
            yield x[rows], y[rows]


def all_rows(stream: Stream) -> tuple[Array, Array]:
    """Return inputs and targets of all training rows, in the order of the files."""
    parts = [part for piece in stream.files.pieces for part in stream.read(piece)]
    return np.concatenate([part["x"] for part in parts]), np.concatenate([part["y"] for part in parts])


def frame(num_rows: int, seed: int = 0) -> pd.DataFrame:
    """Return numbers, some missing, words, and a class that depends on them; ``id`` differs in every row."""
    rng = np.random.default_rng(seed)
    size = rng.normal(0, 1, num_rows)
    colour = rng.choice(["red", "green", "blue"], num_rows)
    kind = np.where(size + (colour == "red") > 0.3, "big", "small")
    whole = pd.Series(rng.integers(0, 50, num_rows), dtype="Int64").mask(rng.random(num_rows) < 0.05)
    return pd.DataFrame(
        {"id": np.arange(num_rows) / 2, "size": size, "whole": whole, "colour": colour, "kind": kind}
    )


def csv_folder(folder: Path, table: pd.DataFrame, num_files: int = 3) -> Path:
    """Write the table as several CSV files in a folder; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for k, rows in enumerate(np.array_split(np.arange(len(table)), num_files)):
        table.iloc[rows].to_csv(folder / f"part-{k}.csv", index=False)
    return folder


def parquet_folder(folder: Path, table: pd.DataFrame, num_files: int = 2) -> Path:
    """Write the table as Parquet files of several row groups in a folder; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for k, rows in enumerate(np.array_split(np.arange(len(table)), num_files)):
        table.iloc[rows].to_parquet(folder / f"part-{k}.parquet", row_group_size=50, index=False)
    return folder
