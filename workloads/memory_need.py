"""Memory that a training takes, told before it starts: the state of weights or rows, and a rough rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

GIB, MIB = 2**30, 2**20


@dataclass(frozen=True, kw_only=True)
class MemoryNeed:
    """Bytes that the training of one model takes; ``label`` says of which kind it is."""

    label: str
    optimizer_name: str = ""
    weights: int = 0
    gradients: int = 0
    optimizer: int = 0
    """Bytes of the optimizer's state."""
    rows: int = 0
    """Bytes of training rows, of a model that is fitted on all of them at once."""
    activations: int = 0
    """Rough estimate of what a step keeps for its gradients, or of what is made of the rows."""
    beside: str = "activations"
    """What the rough estimate is of."""
    then: str = "then fewer examples are computed at once (micro_batch)"
    """What happens, or is to be done, where the rough rest may not fit."""
    ways: str = (
        "mode: lora, optimizer: sgd, a smaller model, a smaller max_concurrent, or resources: {strategy: fsdp}"
    )
    """What needs less, for users."""

    @property
    def state(self) -> int:
        """Bytes of weights, gradients, optimizer and rows: with less memory the training cannot begin."""
        return self.weights + self.gradients + self.optimizer + self.rows

    @property
    def told(self) -> str:
        """The state in words."""
        what = "rows and bins" if self.rows else f"weights, gradients and {self.optimizer_name}"
        return f"{size(self.state)} of {what} {self.label}"

    def divided(self, num_workers: int, sharded: bool) -> MemoryNeed:
        """Return what one of ``num_workers`` takes: its part of each mini-batch, and ``sharded`` of the state."""
        parts = num_workers if sharded else 1
        state = {name: -(-getattr(self, name) // parts) for name in ("weights", "gradients", "optimizer")}
        return replace(self, **state, activations=-(-self.activations // num_workers))


@dataclass(frozen=True, kw_only=True)
class Room:
    """Bytes of memory of one worker, None where they are not known, and how trials share it."""

    worker_bytes: float | None = None
    num_workers: int = 1
    sharded: bool = False
    together: int = 1
    """Largest number of trials whose models are in a worker's memory at once."""


def told(needs: Sequence[MemoryNeed], room: Room) -> str:
    """Return a line on what the trainings need, and on what there is."""
    mine = [need.divided(room.num_workers, room.sharded) for need in needs]
    others = [f"{size(need.state)} {need.label}" for need in mine[1:]]
    beside = f"roughly {size(max(need.activations for need in mine))} of {mine[0].beside} beside"
    who = "a worker" if room.num_workers == 1 else f"each of {room.num_workers} workers"
    has = f"{who} has {size(room.worker_bytes)}" if room.worker_bytes else f"what {who} has is not known here"
    return "; ".join([mine[0].told, *others, beside, has])


def warning(need: MemoryNeed, room: Room) -> str | None:
    """Return what to say where memory may end; None where it is enough, or not known."""
    mine = need.divided(room.num_workers, room.sharded)
    if not room.worker_bytes:
        return None
    if mine.state + mine.activations > room.worker_bytes:
        return f"it may not be enough {need.label}: {need.then}"
    if mine.state * room.together + mine.activations > room.worker_bytes:
        return f"it may not be enough for {room.together} trials in a worker: train_together: 1 has one at a time"
    return None


def fault(need: MemoryNeed, room: Room) -> str | None:
    """Return why the training cannot begin in a worker's memory; None where it can, or that is not known."""
    mine = need.divided(room.num_workers, room.sharded)
    if not room.worker_bytes or mine.state <= room.worker_bytes:
        return None
    who = "a worker" if room.num_workers == 1 else f"each of {room.num_workers} workers"
    return f"{mine.told} do not fit: {who} has {size(room.worker_bytes)}"


def size(num_bytes: float) -> str:
    """Return a size in words: ``7.2 GiB``, or ``87 MiB`` below one tenth of a GiB."""
    return f"{num_bytes / GIB:.1f} GiB" if num_bytes >= GIB / 10 else f"{num_bytes / MIB:.1f} MiB"
