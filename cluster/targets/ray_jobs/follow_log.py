"""Follows a job's log across broken connections."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

POLL_S = 1.0


def followed(client: Any, name: str) -> Iterator[str]:
    """Yield each line of the log of job ``name`` once, as it comes, until the job has ended."""
    told, rest = 0, ""
    with asyncio.Runner() as runner:  # closes the connection when the caller stops or an error is raised
        while True:
            seen, tail = 0, client.tail_job_logs(name)
            while (chunk := runner.run(_next(tail))) is not None:
                fresh = chunk[max(0, told - seen) :]  # after a broken connection the log starts again
                seen += len(chunk)
                told = max(told, seen)
                *lines, rest = (rest + fresh).split("\n")
                yield from lines
            if client.get_job_status(name).is_terminal():
                break
            time.sleep(POLL_S)
    if rest:
        yield rest


async def _next(tail: Any) -> str | None:
    """Return the next piece of a log; None at its end and where the connection broke."""
    from aiohttp import ClientError

    try:
        piece: str | None = await anext(tail, None)
    except (RuntimeError, ClientError):
        piece = None
    task = asyncio.current_task()
    if task is not None and task.cancelling():  # by Ctrl-C, which the connection may report as its own end
        raise asyncio.CancelledError
    return piece
