"""A stream's training rows through Ray Data: read and decoded by tasks beside the lanes, a few blocks ahead.

The order is a function of the sweep's data seed and the epoch, not of a member's seed: files are read in one
random order, and a window over the rows is shuffled anew in every epoch. So a resumed training meets what it would
have met.
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
"""What is shuffled at a time: so many rows, or fewer where they are large."""
BLOCK_BYTES = 16 * 2**20
AHEAD = 2
"""Portions that are on their way while one is trained on."""


@dataclass(frozen=True)
class RayShard:
    """A stream as this process gets it from Ray Data, see ``Shard``."""

    stream: Stream
    rows: DataIterator

    def portions(self, epoch: int, size: int) -> Iterator[tuple[Array, Array]]:
        """The shard's rows of one epoch, at most ``size`` at a time."""
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
    """The training rows, ``x`` and ``y``, read anew by whoever iterates. Nothing is read here."""
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
    """All training rows for one process."""
    from ray.data import DataContext

    DataContext.get_current().execution_options = options()
    return RayShard(stream, dataset(stream).iterator())


def options() -> ExecutionOptions:
    """Blocks come in the order in which they were asked for: an epoch is the same whenever it is trained."""
    from ray.data import ExecutionOptions

    return ExecutionOptions(preserve_order=True)


def hush() -> None:
    """Ray Data shows its user bars and warnings; here that is the driver's business."""
    from ray.data import DataContext

    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    context: Any = DataContext.get_current()
    context.enable_progress_bars = False
    context.target_max_block_size = BLOCK_BYTES
