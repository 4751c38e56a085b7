"""Prefetching: a thread makes the next items while the last one is used."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import TypeVar

Item = TypeVar("Item")
DEPTH = 2
"""Default number of items made in advance."""


def ahead(items: Iterator[Item], depth: int = DEPTH) -> Iterator[Item]:
    """Yield the same items in the same order; a thread makes up to ``depth`` of them in advance.

    An error in making an item is raised where the item is used. Closing the iterator early ends the thread.
    """
    ready: queue.Queue[tuple[Item | None, BaseException | None]] = queue.Queue(depth)
    stopped = threading.Event()

    def make() -> None:
        try:
            for item in items:
                if not _put(ready, (item, None), stopped):
                    return
            _put(ready, (None, None), stopped)
        except BaseException as error:  # noqa: BLE001 - raised again where the item is used
            _put(ready, (None, error), stopped)

    threading.Thread(target=make, name="ahead", daemon=True).start()
    try:
        while True:
            item, error = ready.get()
            if error is not None:
                raise error
            if item is None:
                return
            yield item
    finally:
        stopped.set()


def _put(ready: queue.Queue[Item], item: Item, stopped: threading.Event) -> bool:
    """Put ``item`` into the queue; return False once the reader has stopped."""
    while not stopped.is_set():
        try:
            ready.put(item, timeout=0.1)
            return True
        except queue.Full:
            continue
    return False
