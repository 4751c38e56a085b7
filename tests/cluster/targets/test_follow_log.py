"""Following a job's log: Ctrl-C ends it, whatever the connection makes of it."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientConnectionError

from cluster.targets.ray_jobs.follow_log import followed


class Client:
    """A job that never ends, over a connection that takes a cancellation for its own end."""

    def __init__(self, swallows: bool) -> None:
        self.swallows = swallows

    async def tail_job_logs(self, name: str) -> AsyncIterator[str]:
        yield f"{name} begins\n"
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            if self.swallows:
                yield "more\n"
            raise ClientConnectionError from None


@pytest.mark.parametrize("swallows", [False, True])
def test_an_interrupt_is_never_lost(swallows: bool) -> None:
    lines = followed(Client(swallows), "job")
    assert next(lines) == "job begins"
    interrupt = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    interrupt.start()
    with pytest.raises(KeyboardInterrupt):
        next(lines)
    interrupt.join()
