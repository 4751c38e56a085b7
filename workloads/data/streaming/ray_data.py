"""Reads a stream's training rows by Ray Data: tasks beside the lanes read and decode a few blocks ahead.

The order depends on the seed of the data's split and the epoch, not on a member's seed: pieces are read in one
random order, and a window over the rows is shuffled anew in every epoch. A resumed training therefore gets the same
batches as one that was not interrupted.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workloads.arrays import Array
from workloads.data.epoch_order import mix
from workloads.data.streaming.stream import Stream

if TYPE_CHECKING:
    from ray.data import DataIterator, Dataset, ExecutionOptions

WINDOW_ROWS, WINDOW_BYTES = 20_000, 128 * 2**20
"""Size of the window in which rows are shuffled: rows, or fewer where they would take more bytes."""
BLOCK_BYTES = 16 * 2**20
"""Largest size of Ray Data's blocks."""
AHEAD = 2
"""Number of portions that are fetched ahead."""


@dataclass(frozen=True)
class RayShard:
    """This process's part of a stream, read by Ray Data: a ``Shard``."""

    stream: Stream
    rows: DataIterator

    def portions(self, epoch: int, size: int) -> Iterator[tuple[Array, Array]]:
        """Read inputs and targets of one epoch (from 0), ``size`` rows at a time, the last ones fewer."""
        hush()
        found = self.rows.iter_batches(
            batch_size=size,
            batch_format="numpy",
            prefetch_batches=AHEAD,
            local_shuffle_buffer_size=max(size, self._window),
            local_shuffle_seed=mix(self.stream.shares.seed, 2 * epoch + 1) % 2**32,
        )
        for batch in found:
            yield batch["x"], batch["y"]

    @property
    def _window(self) -> int:
        return max(1, min(WINDOW_ROWS, WINDOW_BYTES // self.stream.row_bytes))


def dataset(stream: Stream) -> Dataset:
    """Return a Ray Data set of the training rows, ``x`` and ``y``. It reads them in each iteration, nothing now."""
    import pyarrow as pa
    import ray.data

    hush()
    order = np.random.default_rng(stream.shares.seed).permutation(len(stream.files.pieces))
    pieces = [pa.table({"piece": [int(k)]}) for k in order]

    def read(places: pa.Table) -> Iterator[dict[str, Array]]:
        for k in places["piece"].to_pylist():
            yield from (dict(rows) for rows in stream.read(stream.files.pieces[k]))

    return ray.data.from_arrow(pieces).map_batches(read, batch_format="pyarrow", batch_size=1)


def own_shard(stream: Stream) -> RayShard:
    """Return a shard with all training rows, for a member that one process trains."""
    from ray.data import DataContext

    DataContext.get_current().execution_options = options()
    return RayShard(stream, dataset(stream).iterator())


def options() -> ExecutionOptions:
    """Return options that keep the order of blocks, so that an epoch is the same whenever it is trained."""
    from ray.data import ExecutionOptions

    return ExecutionOptions(preserve_order=True)


def hush() -> None:
    """Turn off Ray Data's progress bars and warnings (the driver reports to the user), and set its block size."""
    from ray.data import DataContext

    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    context: Any = DataContext.get_current()
    context.enable_progress_bars = False
    context.target_max_block_size = BLOCK_BYTES
