"""Two message queues (orders, news) between a lane and its workers, held by a Ray actor that takes no CPU."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Literal

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

Box = Literal["orders", "news"]


class _Exchange:
    """The actor that holds both queues: a second actor would take another second to start."""

    def __init__(self) -> None:
        self._boxes: dict[Box, asyncio.Queue[Any]] = {"orders": asyncio.Queue(), "news": asyncio.Queue()}

    async def put(self, box: Box, letter: Any) -> None:
        await self._boxes[box].put(letter)

    async def get(self, box: Box, timeout_s: float) -> Any:
        try:
            return await asyncio.wait_for(self._boxes[box].get(), timeout_s)
        except TimeoutError:
            return None


@dataclass(frozen=True)
class Mailbox:
    """Queues of a lane: ``orders`` of (worker group's token, order), ``news`` of (kind, token, content)."""

    exchange: Any

    @classmethod
    def new(cls) -> Mailbox:
        """Create a mailbox on this machine, so that the machine's death ends only the lane that is on it."""
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        return cls(ray.remote(_Exchange).options(num_cpus=0, scheduling_strategy=here).remote())

    def put(self, box: Box, *letter: Any) -> None:
        """Append a message and wait until it is in the queue."""
        ray.get(self.exchange.put.remote(box, letter))

    def get(self, box: Box, timeout_s: float) -> Any:
        """Remove and return the oldest message; None if none arrives within ``timeout_s`` seconds."""
        return ray.get(self.exchange.get.remote(box, timeout_s))
