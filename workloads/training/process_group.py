"""Processes that train one model together, and their communication. One process alone is a group, too."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from inspect import signature
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from workloads.arrays import Infeasible
from workloads.layers.layers import is_batch_norm

Strategy = Literal["ddp", "fsdp"]
T = TypeVar("T")
MIN_PART = 2
"""Least number of a mini-batch's examples for each process of a model with batch norm, which needs two."""


@dataclass(frozen=True)
class Part:
    """A process's part of a mini-batch."""

    weight: float = 1.0
    """Weight of the mean over this part: with it the mean over processes is the mean over examples."""
    largest: int = 0
    """Number of examples of the largest part; 0 where all are equal."""

    @property
    def empty(self) -> bool:
        """Whether no example is this process's own: it repeats one of another's, which counts for nothing."""
        return self.weight == 0


WHOLE = Part()


@dataclass(frozen=True)
class ProcessGroup:
    """``size`` processes in torch's default group, of which this is ``rank``. All must call the same methods.

    Mini-batches are global: each process takes its part, and gradients are those of the whole batch. Batch norm
    normalises each part by itself, as it does with micro-batches; its running statistics are averaged.
    """

    rank: int = 0
    size: int = 1
    strategy: Strategy = "ddp"
    local_rank: int = 0
    """Number of this process among those on its machine."""
    control: Any = None
    """A group of torch's for ``agree`` and ``gathered`` alone; None: the default one.

    Where users' code communicates in the default group, from a thread of its own, ours must not come in between.
    """

    @property
    def alone(self) -> bool:
        """Whether this is the only process."""
        return self.size == 1

    @property
    def shards(self) -> bool:
        """Whether each process holds a part of a model's weights alone."""
        return self.strategy == "fsdp" and not self.alone

    @property
    def first(self) -> bool:
        """Whether this process writes and reports for all."""
        return self.rank == 0

    def part(self, examples: Tensor) -> Tensor:
        """Return this process's part of ``examples`` along the last dimension; parts differ by one at most.

        Where there are fewer examples than processes those without one get the first: all take part in each step.
        """
        if self.alone:
            return examples
        own = examples.tensor_split(self.size, dim=-1)[self.rank]
        return own if own.shape[-1] else examples[..., :1]

    def check(self, batch_size: int, min_part: int) -> None:
        """Raise Infeasible where a mini-batch has fewer than ``min_part`` examples for each process."""
        least = min_part * self.size
        if not self.alone and batch_size < least:
            raise Infeasible(f"a batch of {batch_size} cannot be shared by {self.size} workers: at least {least}")

    def least_rest(self, min_part: int) -> int:
        """Return the least number of examples of an epoch's last, shorter mini-batch; fewer are left out.

        Only a model that needs more than one example for each process (``min_part``) leaves any out.
        """
        return self.size * min_part if min_part > 1 else 1

    def part_of(self, num_all: int) -> Part:
        """Return this process's part of a mini-batch of ``num_all`` examples."""
        num_own = num_all // self.size + (self.rank < num_all % self.size)
        return Part(num_own * self.size / num_all, -(-num_all // self.size))

    def exchange(self, model: nn.Module, last: bool) -> AbstractContextManager[object]:
        """Return the context of one of a step's forward and backward passes through a wrapped ``model``.

        Gradients are exchanged between the processes in the ``last`` one alone; before it they are added up.
        """
        if isinstance(model, DistributedDataParallel) and not last:
            return model.no_sync()
        if self.shards:
            from torch.distributed.fsdp import FSDPModule  # 550 ms

            if isinstance(model, FSDPModule):
                model.set_requires_gradient_sync(last)
        return nullcontext()

    def wrap(self, model: nn.Module) -> nn.Module:
        """Return ``model`` wrapped for training by the group, with the same parameters.

        fsdp shards them in place, and moves them from the CPU to the device that the group trains on.
        A model with a true ``may_leave_out_parameters`` may compute its outputs without some of them. Its method
        ``sharded_parts()``, if it has one, returns modules inside its children that fsdp gathers each by itself.
        DDP: Li et al. 2020, arXiv:2006.15704. FSDP: Zhao et al. 2023, arXiv:2304.11277.
        """
        if self.alone or not (self.shards or any(p.requires_grad for p in model.parameters())):
            return model
        if not self.shards:
            renamed = "forward_sync_buffers" in signature(DistributedDataParallel).parameters  # its later name
            apart: Any = {"forward_sync_buffers" if renamed else "broadcast_buffers": False}
            unused = getattr(model, "may_leave_out_parameters", False)
            return DistributedDataParallel(
                model, gradient_as_bucket_view=True, find_unused_parameters=unused, **apart
            )
        from torch.distributed.fsdp import fully_shard  # 550 ms

        inside: list[nn.Module] = getattr(model, "sharded_parts", list)()
        for part in [*inside, *_shardable(model)]:
            fully_shard(part)
        fully_shard(model)
        return model

    def agree(self, value: T) -> T:
        """Return the first process's ``value`` in every process."""
        if self.alone:
            return value
        values: list[Any] = [value]
        torch.distributed.broadcast_object_list(values, src=0, group=self.control)
        agreed: T = values[0]
        return agreed

    def gathered(self, value: T) -> list[T]:
        """Return the values of all processes, by their ranks."""
        if self.alone:
            return [value]
        values: list[Any] = [None] * self.size
        torch.distributed.all_gather_object(values, value, group=self.control)
        return values

    def all_true(self, value: bool) -> bool:
        """Return whether ``value`` is true in every process."""
        return min(self.gathered(value))

    def means(self, means: Mapping[str, Tensor], weight: float) -> dict[str, Tensor]:
        """Return the means over all processes; ``means`` are this one's, over ``weight`` examples.

        All processes must have the same names and shapes.
        """
        if self.alone:
            return dict(means)
        parts = self.gathered((dict(means), weight))
        total = sum(each for _, each in parts)
        return {name: torch.stack([found[name] * each for found, each in parts]).sum(0) / total for name in means}

    def rows(self, x: Tensor) -> Tensor:
        """Return this process's rows of a split: equally many for each, so the last may repeat the final row."""
        if self.alone:
            return x
        each = -(-len(x) // self.size)
        index = torch.arange(self.rank * each, (self.rank + 1) * each, device=x.device).clamp(max=len(x) - 1)
        return x.index_select(0, index)

    def joined(self, values: Mapping[str, Tensor], num_rows: int) -> dict[str, Tensor]:
        """Return the values of all processes' ``rows``, joined along dimension 1, without the repeated rows."""
        if self.alone:
            return dict(values)
        found = {}
        for name, value in values.items():
            pieces = [torch.empty_like(value) for _ in range(self.size)]
            torch.distributed.all_gather(pieces, value.contiguous())
            found[name] = torch.cat(pieces, dim=1)[:, :num_rows]
        return found

    def average_(self, tensors: list[Tensor]) -> None:
        """Replace each tensor by its mean over the processes, in place and by one message."""
        if self.alone or not tensors:
            return
        flat = torch.cat([t.reshape(-1) for t in tensors])
        torch.distributed.all_reduce(flat)
        sizes = [t.numel() for t in tensors]
        for tensor, mean in zip(tensors, torch.split(flat / self.size, sizes), strict=True):
            tensor.copy_(mean.view_as(tensor))

    def average_statistics(self, model: nn.Module) -> None:
        """Make buffers the same in all processes, in place: numbers that differ are averaged, as statistics are.

        Counts and flags (whole numbers, booleans) become the first process's, as under DDP.
        """
        if self.alone:
            return
        buffers = [buffer for buffer in model.buffers() if buffer.numel()]
        self._agree_on_numbers([buffer for buffer in buffers if buffer.is_floating_point()])
        for buffer in buffers:
            if not buffer.is_floating_point():
                torch.distributed.broadcast(buffer, src=0)

    def _agree_on_numbers(self, tensors: list[Tensor]) -> None:
        if not tensors:
            return
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        mean, low, high = flat.clone(), flat.clone(), flat.clone()
        torch.distributed.all_reduce(mean)
        torch.distributed.all_reduce(low, torch.distributed.ReduceOp.MIN)
        torch.distributed.all_reduce(high, torch.distributed.ReduceOp.MAX)
        mean /= self.size
        # A mean of equal numbers may be rounded: rates and masks stay to the last bit.
        agreed = torch.where((low == high) & ~mean.isnan(), flat, mean)
        sizes = [tensor.numel() for tensor in tensors]
        for tensor, found in zip(tensors, torch.split(agreed, sizes), strict=True):
            tensor.copy_(found.view_as(tensor))


def min_part(model: nn.Module) -> int:
    """Return the least number of examples that ``model``, in its present mode, can be trained on at once: 1 or 2.

    Two are needed where a batch's own statistics normalise: in batch norm that is not frozen, and in a module with
    a true ``needs_two_examples``.
    """
    return MIN_PART if any(map(_needs_two, model.modules())) else 1


def _needs_two(module: nn.Module) -> bool:
    if is_batch_norm(module):
        return module.training or module.running_mean is None
    return bool(getattr(module, "needs_two_examples", False))


def _shardable(model: nn.Module) -> list[nn.Module]:
    """Return the children that are sharded by themselves: those with parameters that no other child shares."""
    children = [child for child in model.children() if not isinstance(child, nn.ModuleList | nn.ModuleDict)]
    owners = Counter(id(parameter) for child in model.children() for parameter in child.parameters())
    own = [[owners[id(parameter)] == 1 for parameter in child.parameters()] for child in children]
    return [child for child, alone in zip(children, own, strict=True) if alone and all(alone)]


ALONE = ProcessGroup()


def scaled(rule: Literal["none", "linear", "sqrt"], size: int) -> float:
    """Return the factor on a rate for ``size`` processes (linear: Goyal et al. 2017, arXiv:1706.02677, 2.1)."""
    return {"none": 1.0, "linear": float(size), "sqrt": math.sqrt(size)}[rule]


def whole(tensor: Tensor) -> Tensor:
    """Return a tensor that is sharded over the processes as a whole one, any other as it is. All must call it."""
    if not is_sharded(tensor):
        return tensor
    sharded: Any = tensor
    found: Tensor = sharded.to(sharded.device_mesh.device_type).full_tensor()  # a copy on the CPU cannot be sent
    return found


def is_sharded(tensor: Tensor) -> bool:
    """Whether this process has a shard of the tensor."""
    return hasattr(tensor, "placements")


def like(value: Tensor, parameter: Tensor) -> Tensor:
    """Return a copy of ``value`` in the shape and dtype of ``parameter``, on its device and sharded as it is.

    ``value`` is whole, or sharded in the same way.
    """
    placements = getattr(parameter, "placements", None)
    if placements is None or is_sharded(value):
        return value.view_as(parameter).to(parameter).clone()
    from torch.distributed.tensor import DTensor, distribute_tensor

    assert isinstance(parameter, DTensor)
    full = value.view(parameter.shape).to(parameter.device, parameter.dtype)
    return distribute_tensor(full, parameter.device_mesh, placements)


def named_ranks(ranks: Sequence[int]) -> str:
    """Return ranks in words: ``rank 1``, or ``ranks 1, 2``."""
    return f"rank{'s' if len(ranks) > 1 else ''} {', '.join(map(str, ranks))}"
