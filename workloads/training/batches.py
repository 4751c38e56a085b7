"""Train and validation split on the device, and the mini-batches taken from them."""

from __future__ import annotations

import warnings
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from workloads.arrays import Array, Column, DataShape
from workloads.data.search_data import SearchData
from workloads.data.streaming.stream import Shard
from workloads.layers.layers import Preprocess
from workloads.tables.prepare import PrepareTable
from workloads.training.prefetch import ahead
from workloads.training.process_group import ALONE, MIN_PART, ProcessGroup

Batch = tuple[Tensor, Tensor]
"""Inputs and targets."""
PORTION_BYTES = 2**20
"""Of a stream, in its own form: what is made into inputs at once."""
CPU_FLOAT_BYTES = 64 * 2**20
GPU_FLOAT_BYTES = 2**30
"""Inputs up to this size are preprocessed once; larger ones are kept as they came and preprocessed by the batch."""


@dataclass(frozen=True)
class ResidentData:
    """Train and validation split on the device, inputs ready for the model or prepared by the batch."""

    x_train: Tensor
    y_train: Tensor
    x_val: Tensor
    y_val: Tensor
    shape: DataShape
    prepare: nn.Module
    dtype: torch.dtype
    ready: bool
    """The inputs are prepared already."""
    channels_last: bool = False
    """A mini-batch of images keeps each pixel's channels together in memory."""
    ahead: bool = False
    """The next mini-batches are made in a thread, while one is trained on: for examples that are read from disk."""
    shard: Shard | None = None
    """Where all training examples come from, if the ones here are only a sample."""

    @property
    def device(self) -> torch.device:
        """Where all the tensors are."""
        return self.x_train.device

    def inputs(self, x: Tensor) -> Tensor:
        """What the model sees of raw or ready ``x``."""
        prepared: Tensor = x if self.ready else self.prepare(x)
        if self.channels_last and prepared.dim() == 4:
            return prepared.contiguous(memory_format=torch.channels_last)
        return prepared

    def raw(self, columns: Sequence[Column] = ()) -> ResidentData:
        """The same for inputs that are not prepared yet (a test split), of a table whose ``columns`` are these."""
        prepare = self.prepare.of(columns) if columns and isinstance(self.prepare, PrepareTable) else self.prepare
        return replace(self, prepare=prepare, ready=False)

    @property
    def num_examples(self) -> int:
        """Of the training split."""
        return len(self.y_train) if self.shard is None else self.shard.stream.num_rows

    def num_steps(self, batch_size: int, group: ProcessGroup = ALONE) -> int:
        """Mini-batches that ``batches``, or ``streamed``, gives in an epoch."""
        if self.shard is not None:
            return max(1, self.shard.stream.num_rows // group.size // -(-batch_size // group.size))
        full, rest = divmod(len(self.y_train), batch_size)
        return max(1, full + (rest >= group.size * MIN_PART))

    def batches(
        self, order: Tensor, batch_size: int, group: ProcessGroup = ALONE
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Mini-batches of the training split. ``order`` is (examples,), or (members, examples) for one order each.

        The last, shorter batch is kept with its own mean, unless it holds less than two examples for each process
        (batch norm needs two). Of every batch this process's part is given.
        """
        made = self._batches(order, batch_size, group)
        return ahead(made) if self.ahead else made

    def streamed(self, epoch: int, batch_size: int, group: ProcessGroup = ALONE) -> Iterator[tuple[Tensor, Tensor]]:
        """This process's parts of the full mini-batches of a stream, in the order of ``epoch`` (from 0).

        Every process takes equally many: fewer than ``num_steps`` where rows are skipped as they are read.
        """
        assert self.shard is not None
        size, num_left = len(group.part(torch.empty(batch_size))), self.num_steps(batch_size, group)
        at_once = size * max(1, PORTION_BYTES // (self.shard.stream.row_bytes * size))
        with closing(self._portions(epoch, at_once)) as portions:
            for x, y in portions:
                num_full = min(len(y) // size, num_left)
                parts = [torch.split(rows[: num_full * size], size) for rows in (x, y)]
                yield from zip(*parts, strict=True)
                num_left -= num_full
                if not num_left:
                    return

    def _portions(self, epoch: int, at_once: int) -> Generator[Batch, None, None]:
        """Rows of the stream as inputs, many at a time: a pipeline takes as long for one as for hundreds."""
        assert self.shard is not None
        raw = self.raw()
        for x, y in self.shard.portions(epoch, at_once):
            yield raw.inputs(tensor(x).to(self.device)), standardised(tensor(y).to(self.device), self.shape)

    def weight(self, step: int, batch_size: int, group: ProcessGroup) -> float:
        """The weight of this process's part of mini-batch ``step`` (from 0), as ``ProcessGroup.weight`` has it."""
        if group.alone:
            return 1.0
        num_all = batch_size if self.shard else min(batch_size, len(self.y_train) - step * batch_size)
        return group.weight(len(group.part(torch.empty(num_all))), num_all)

    def _batches(self, order: Tensor, batch_size: int, group: ProcessGroup) -> Iterator[tuple[Tensor, Tensor]]:
        for batch in torch.split(order, batch_size, dim=-1):
            if batch.shape[-1] < group.size * MIN_PART and batch.shape[-1] < min(batch_size, order.shape[-1]):
                return
            index = group.part(batch)
            flat = index.reshape(-1)
            x = self.x_train.index_select(0, flat).view(*index.shape, *self.x_train.shape[1:])
            y = self.y_train.index_select(0, flat).view(*index.shape, *self.y_train.shape[1:])
            yield self.inputs(x), y


def resident(data: SearchData, device: torch.device, dtype: torch.dtype = torch.float32) -> ResidentData:
    """Both splits on ``device``, preprocessed at once where that stays small."""
    prepare = Preprocess(data.statistics, dtype).to(device)
    x_train, y_train = tensor(data.train.x).to(device), tensor(data.train.y).to(device)
    x_val, y_val = tensor(data.val.x).to(device), tensor(data.val.y).to(device)
    shape = data.shape()
    y_train, y_val = (standardised(y, shape) for y in (y_train, y_val))
    limit = GPU_FLOAT_BYTES if device.type == "cuda" else CPU_FLOAT_BYTES
    if (x_train.numel() + x_val.numel()) * dtype.itemsize > limit:
        return ResidentData(x_train, y_train, x_val, y_val, shape, prepare, dtype, ready=False)
    return ResidentData(prepare(x_train), y_train, prepare(x_val), y_val, shape, prepare, dtype, ready=True)


def standardised(y: Tensor, shape: DataShape) -> Tensor:
    """Targets of numbers as the models predict them; classes as they are."""
    return (y - shape.target_mean) / shape.target_std if y.is_floating_point() else y


def tensor(array: Array) -> Tensor:
    """The array's memory as a tensor. Arrays from Ray's object store are read-only, and so are all loops here."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)
        return torch.from_numpy(np.ascontiguousarray(array))
