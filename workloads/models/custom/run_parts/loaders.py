"""DataLoaders of a run's arrays: shuffled by seed and epoch, and divided among the workers that train together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, DistributedSampler, SequentialSampler, TensorDataset

from workloads.arrays import Array
from workloads.data.epoch_order import epoch_order, mix
from workloads.training.batches import tensor


class Batches(DataLoader[Any]):
    """A DataLoader whose worker processes draw by seed, epoch and rank, whichever leg the epoch is trained in.

    Of several workers each gets its part, as its ``sampler`` says. Accelerate's ``prepare`` divides what
    ``batch_sampler`` yields, whatever the sampler is, so that this one has the batches of all.
    """

    noise: Callable[[], int] | None = None
    """Returns the seed of an epoch; None where the generator is the user's own."""
    part: DataLoader[Any] | None = None
    """Yields this worker's part; None where it is the whole."""

    def __iter__(self) -> Any:
        """Yield mini-batches."""
        if self.noise is not None:
            self.generator.manual_seed(self.noise())
        return super().__iter__() if self.part is None else iter(self.part)

    def __len__(self) -> int:
        """Return the number of mini-batches."""
        return super().__len__() if self.part is None else len(self.part)


class Singles(TensorDataset):
    """Inputs and targets, one example at a time; what is done to one changes no other use of it."""

    def __getitem__(self, row: int) -> tuple[Tensor, ...]:
        """Return a copy of the example."""
        return tuple(part[row].clone() for part in self.tensors)


class Examples(TensorDataset):
    """Inputs and targets, of which a mini-batch is taken at once."""

    def __getitems__(self, rows: list[int]) -> tuple[Tensor, ...]:
        """Return the examples of these rows, as tensors (rows, ...)."""
        return tuple(part[rows] for part in self.tensors)


class EpochOrder(DistributedSampler[Any]):
    """Order of the training rows in the epoch that is under way, whichever leg it is trained in.

    Of ``world_size`` workers each gets equally many rows, which leaves out less than one row for each.
    """

    def __init__(self, examples: Examples, epoch: Callable[[], int], seed: int, rank: int, world_size: int) -> None:
        super().__init__(examples, world_size, rank, drop_last=True)
        self._epoch, self._seed, self._num_rows = epoch, seed, len(examples)

    def __iter__(self) -> Iterator[Any]:
        """Yield row numbers."""
        order = epoch_order([self._seed], self._epoch(), self._num_rows, torch.device("cpu"))
        return iter(order[self.rank :: self.num_replicas][: len(self)].tolist())

    def __len__(self) -> int:
        """Return the number of rows for this worker."""
        return self._num_rows // self.num_replicas


def examples(x: Array, y: Array) -> Examples:
    """Return arrays as examples; numbers become float32, pixels and classes stay whole numbers."""
    return Examples(*(each.float() if each.is_floating_point() else each for each in (tensor(x), tensor(y))))


@dataclass(frozen=True)
class Order:
    """Order of the rows of a worker's ``part``, and of the ``whole``."""

    part: Any
    whole: Any

    @classmethod
    def shuffled(cls, data: Examples, epoch: Callable[[], int], seed: int, worker: tuple[int, int]) -> Order:
        """Return that of training rows; ``worker`` is its rank and how many there are."""
        return cls(EpochOrder(data, epoch, seed, *worker), EpochOrder(data, epoch, seed, 0, 1))

    @classmethod
    def plain(cls, data: Examples, worker: tuple[int, int]) -> Order:
        """Return that of validation rows."""
        rank, world_size = worker
        return cls(DistributedSampler(data, world_size, rank, shuffle=False), SequentialSampler(data))


def loader(
    data: Examples, order: Order, batch_size: int, options: dict[str, Any], noise: Callable[[], int]
) -> Batches:
    """Return a DataLoader, which draws nothing from the global generators; ``options`` are its own.

    ``noise`` returns the seed of what its worker processes draw in an epoch.
    """
    own = "collate_fn" in options  # it expects a list of single examples
    source: Any = Singles(*data.tensors) if own else data
    given = {"generator": torch.Generator(), "collate_fn": _as_it_is, **options, "sampler": order.part}
    found = Batches(source, batch_size, **given)
    found.noise = None if "generator" in options else noise
    if order.part.num_replicas > 1:
        found.part = DataLoader(source, batch_size, **given)
        batches = BatchSampler(order.whole, batch_size, found.drop_last)
        vars(found)["batch_sampler"] = batches  # a DataLoader refuses to be changed
    return found


def noise_of(seed: int, epoch: int, rank: int) -> int:
    """Return a seed for what worker processes draw in an epoch (from 0), another one for each rank."""
    return mix(mix(seed, 2 * epoch + 2), rank)


def _as_it_is(batch: Any) -> Any:
    return batch
