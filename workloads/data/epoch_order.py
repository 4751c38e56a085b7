"""Derives a member's first weights, order of examples and dropout noise from its seed and the epoch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

SORTED_BATCHES = 50
"""Mini-batches whose examples are sorted by length together: the more, the less padding and the less chance."""


def mix(seed: int, stream: int) -> int:
    """Return one of many independent seeds of ``seed``.

    Stream 0 is for the first weights, 2 e + 1 for the order of epoch e (from 0), 2 e + 2 for its noise.
    """
    return _drawn((seed, stream))


def epoch_order(
    seeds: Sequence[int], epoch: int, num_examples: int, device: torch.device, weights: Tensor | None = None
) -> Tensor:
    """Return the order of the training examples in an epoch (from 0): indices (examples,), or (members, examples).

    One order serves all members if their ``seeds`` are equal. With ``weights`` (examples,) as many examples are
    drawn with replacement, in proportion to them.
    """
    orders = {seed: _order(seed, epoch, num_examples, weights) for seed in dict.fromkeys(seeds)}
    if len(orders) == 1:
        return orders[seeds[0]].to(device)
    return torch.stack([orders[seed] for seed in seeds]).to(device)


def _order(seed: int, epoch: int, num_examples: int, weights: Tensor | None) -> Tensor:
    generator = torch.Generator().manual_seed(mix(seed, 2 * epoch + 1))
    if weights is None:
        return torch.randperm(num_examples, generator=generator)
    ends = weights.double().cpu().cumsum(0)
    drawn = torch.rand(num_examples, generator=generator, dtype=torch.float64) * ends[-1]
    return torch.searchsorted(ends, drawn, right=True).clamp(max=num_examples - 1)


def by_length(order: Tensor, lengths: Tensor, batch_size: int, epoch: int) -> Tensor:
    """Return an ``order`` (..., examples) in which the examples of a mini-batch have alike ``lengths``.

    Of ``SORTED_BATCHES`` batches at a time the examples are sorted, and then all full batches are shuffled, in an
    order that depends on the epoch alone: so those of all members of a cohort are of alike lengths.
    """
    num_full = order.shape[-1] // batch_size
    if not num_full:
        return order
    full, rest = order[..., : num_full * batch_size], order[..., num_full * batch_size :]
    parts = [
        part.gather(-1, lengths[part].argsort(stable=True, dim=-1))
        for part in torch.split(full, SORTED_BATCHES * batch_size, -1)
    ]
    generator = torch.Generator().manual_seed(mix(0, 2 * epoch + 1))
    places = torch.randperm(num_full, generator=generator).to(order.device)
    batches = torch.cat(parts, -1).view(*order.shape[:-1], num_full, batch_size).index_select(-2, places)
    return torch.cat([batches.flatten(-2), rest], -1)


def balancing(y: Tensor) -> Tensor:
    """Return weights (examples,) of the classes ``y`` (examples,) by which each class is drawn equally often."""
    weights: Tensor = 1 / torch.bincount(y)[y].double()
    return weights


def seed_noise(seed: int, epoch: int, rank: int = 0) -> None:
    """Seed torch's global generators, from which dropout draws, for an epoch: a resumed leg needs no RNG state.

    Processes that train one member together draw different noise, by ``rank``: they see different examples.
    """
    noise = mix(seed, 2 * epoch + 2) if rank == 0 else _drawn((seed, 2 * epoch + 2, rank))
    seed_cpu(noise)
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.manual_seed_all(noise)


def seed_cpu(seed: int) -> None:
    """Seed the CPU's generator only: ``torch.manual_seed`` also records a traceback for GPUs, in 0.3 ms."""
    torch.default_generator.manual_seed(seed)


def _drawn(entropy: tuple[int, ...]) -> int:
    return int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0] >> np.uint64(1))
