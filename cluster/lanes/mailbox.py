"""Between a lane and its crew: two boxes of letters, in an actor that needs no place of its own."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Literal

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

Box = Literal["orders", "news"]


class _Exchange:
    """One actor for both ways: another process would take a second to start."""

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
    """``orders`` are (crew's token, order), ``news`` are (kind, crew's token, content)."""

    exchange: Any

    @classmethod
    def new(cls) -> Mailbox:
        """A mailbox of the caller's own, on this machine: its death ends the lane that is here, and no other."""
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        return cls(ray.remote(_Exchange).options(num_cpus=0, scheduling_strategy=here).remote())

    def put(self, box: Box, *letter: Any) -> None:
        """Returns when it is in the box."""
        ray.get(self.exchange.put.remote(box, letter))

    def get(self, box: Box, timeout_s: float) -> Any:
        """The oldest letter; None where there is none in time."""
        return ray.get(self.exchange.get.remote(box, timeout_s))
