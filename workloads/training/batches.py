"""Training and validation split on the device, and the mini-batches that are taken from them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from workloads.arrays import Array, Arrays, Column, DataShape
from workloads.data.search_data import SearchData
from workloads.data.streaming.stream import Shard
from workloads.layers.layers import Preprocess
from workloads.layers.precision import autocast
from workloads.training.prefetch import ahead
from workloads.training.process_group import ALONE, WHOLE, Part, ProcessGroup

Batch = tuple[Tensor, Tensor]
"""Inputs and targets."""
PORTION_BYTES = 2**20
"""Raw bytes of a stream's rows that are made into inputs at once."""
CPU_FLOAT_BYTES = 64 * 2**20
GPU_FLOAT_BYTES = 2**30
"""Inputs up to this size are preprocessed once; larger ones stay raw and are preprocessed batch by batch."""

STEPS_ROUNDED = 8
"""Batches of texts have a multiple of so many tokens: a GPU records a program for each shape."""


@dataclass(frozen=True)
class ResidentData:
    """Training and validation split on the device, with inputs preprocessed already or batch by batch."""

    x_train: Tensor
    y_train: Tensor
    x_val: Tensor
    y_val: Tensor
    shape: DataShape
    prepare: nn.Module
    dtype: torch.dtype
    ready: bool
    """Whether the inputs are preprocessed already."""
    channels_last: bool = False
    """Whether a mini-batch of images keeps each pixel's channels together in memory."""
    ahead: bool = False
    """Whether a thread makes the next mini-batches during a step, as for examples that are read from disk."""
    padded: bool = False
    """Whether inputs are codes of tokens with 0 behind their end: each batch is cut to its longest row."""
    numbers_a_token: int = 64
    """Numbers that a model makes of the code of a token at once, about."""
    further: Callable[[Arrays], Batch] | None = None
    """Makes inputs and targets of a further split where each row is not made of one of its rows; else None."""
    shard: Shard | None = None
    """Source of all training examples, if ``x_train`` is only a sample of them."""

    @property
    def given(self) -> bool:
        """Whether there are examples; False: the workload brings its own data."""
        return self.shape.num_outputs > 0

    @property
    def device(self) -> torch.device:
        """Device of all the tensors."""
        return self.x_train.device

    def inputs(self, x: Tensor) -> Tensor:
        """Return the model's inputs from raw or preprocessed ``x``, whichever form these data have.

        Whatever precision the loop computes products in, they are as those that were made before it.
        """
        with autocast("float32", self.device.type):
            prepared: Tensor = x if self.ready else self.prepare(x)
        if self.padded:
            return without_padding(prepared)
        if self.channels_last and prepared.dim() == 4:
            return prepared.contiguous(memory_format=torch.channels_last)
        return prepared

    def raw(self, columns: Sequence[Column] = ()) -> ResidentData:
        """Return these data for inputs that are still raw (a test split), of a table with these ``columns``."""
        of = getattr(self.prepare, "of", None)
        with autocast("float32", self.device.type):  # frozen networks may compute all further vectors at once
            prepare = of(columns) if columns and of else self.prepare
        return replace(self, prepare=prepare, ready=False)

    @property
    def num_examples(self) -> int:
        """Number of training examples."""
        return len(self.y_train) if self.shard is None else self.shard.stream.num_rows

    def num_steps(self, batch_size: int, group: ProcessGroup = ALONE, min_part: int = 1) -> int:
        """Return the number of mini-batches in an epoch of ``batches`` or ``streamed``."""
        if self.shard is not None:
            full, rest = divmod(self.shard.stream.num_rows // group.size, -(-batch_size // group.size))
            return max(1, full + (rest >= min_part and batch_size % group.size == 0))
        full, rest = divmod(len(self.y_train), batch_size)
        return max(1, full + (rest >= group.least_rest(min_part)))

    def batches(
        self, order: Tensor, batch_size: int, group: ProcessGroup = ALONE, min_part: int = 1
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Return an iterator over this process's part (inputs, targets) of each mini-batch of the training split.

        ``order`` holds row numbers, (examples,), or (members, examples) for one order each. The last, shorter batch
        is kept with its own mean, unless it has fewer than ``min_part`` examples for each process, where that is
        more than one (batch norm needs two). A process that has none of its examples yields one of another's.
        """
        made = self._batches(order, batch_size, group, min_part)
        return ahead(made) if self.ahead else made

    def streamed(
        self, epoch: int, batch_size: int, group: ProcessGroup = ALONE, min_part: int = 1
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield this process's part of each mini-batch of a stream, in the order of ``epoch`` (from 0).

        The last, shorter one is kept as in ``batches``, if the processes have equal parts of a full one; else it is
        left out, and so is a row a step of those with the smaller parts. As all processes read equally many rows,
        they yield equally many parts: fewer than ``num_steps`` where rows are skipped as they are read.
        """
        assert self.shard is not None
        size, own = -(-batch_size // group.size), len(group.part(torch.empty(batch_size)))
        least = min_part if batch_size % group.size == 0 else size
        num_left = self.num_steps(batch_size, group, min_part)
        at_once = size * max(1, PORTION_BYTES // (self.shard.stream.row_bytes * size))
        with closing(self._portions(epoch, at_once)) as portions:
            for portion in portions:
                for x, y in zip(*(torch.split(rows, size) for rows in portion), strict=True):
                    if len(y) < least or not num_left:
                        return
                    yield x[:own], y[:own]
                    num_left -= 1

    def _portions(self, epoch: int, at_once: int) -> Generator[Batch, None, None]:
        """Yield (inputs, targets) of many rows of the stream: a pipeline takes as long for one as for hundreds."""
        assert self.shard is not None
        raw = self.raw()
        for x, y in self.shard.portions(epoch, at_once):
            yield raw.inputs(tensor(x).to(self.device)), standardised(tensor(y).to(self.device), self.shape)

    def part(self, step: int, batch_size: int, group: ProcessGroup) -> Part:
        """Return what this process must know of mini-batch ``step`` (from 0) beside its own part of it."""
        if group.alone or (self.shard and batch_size % group.size == 0):
            return WHOLE  # all parts are equal, those of a stream's last mini-batch too
        num_all = batch_size if self.shard else min(batch_size, len(self.y_train) - step * batch_size)
        return group.part_of(num_all)

    def _batches(
        self, order: Tensor, batch_size: int, group: ProcessGroup, min_part: int
    ) -> Iterator[tuple[Tensor, Tensor]]:
        for batch in torch.split(order, batch_size, dim=-1):
            if batch.shape[-1] < group.least_rest(min_part) and batch.shape[-1] < min(batch_size, order.shape[-1]):
                return
            index = group.part(batch)
            flat = index.reshape(-1)
            x = self.x_train.index_select(0, flat).view(*index.shape, *self.x_train.shape[1:])
            y = self.y_train.index_select(0, flat).view(*index.shape, *self.y_train.shape[1:])
            yield self.inputs(x), y


def without_padding(x: Tensor) -> Tensor:
    """Return codes (..., rows, tokens) cut to the longest row, rounded up to a multiple of ``STEPS_ROUNDED``."""
    longest = int(lengths_of(x).max()) if x.numel() else 0
    return x[..., : -(-longest // STEPS_ROUNDED) * STEPS_ROUNDED]


def lengths_of(x: Tensor) -> Tensor:
    """Return each row's number of tokens, (..., rows), for codes (..., rows, tokens) with 0 behind their end."""
    return x.ne(0).sum(-1)


def resident(data: SearchData, device: torch.device, dtype: torch.dtype = torch.float32) -> ResidentData:
    """Return both splits on ``device``, preprocessed once if that stays small, else batch by batch."""
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
    """Return numeric targets as models predict them, by the training split's mean and deviation; else ``y``."""
    return (y - shape.target_mean) / shape.target_std if y.is_floating_point() else y


def tensor(array: Array) -> Tensor:
    """Return the array's memory as a tensor, to be read only: arrays from Ray's object store cannot be written."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)
        return torch.from_numpy(np.ascontiguousarray(array))
