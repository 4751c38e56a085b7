"""Where this process and those that it has started listen, at one moment or during a block, and their commands."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

Heard = set[tuple[str, str, int]]
"""Name of a process, its address and its port."""
LOOPBACK = {"127.0.0.1", "::ffff:127.0.0.1"}


def listening() -> Heard:
    """Return where this process, and all that it has started, listen now."""
    here = psutil.Process()
    found: Heard = set()
    for process in [here, *here.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            at = [at.laddr for at in process.net_connections("inet") if at.status == psutil.CONN_LISTEN]
            found |= {(process.name(), address.ip, address.port) for address in at}
    return found


def commands() -> dict[psutil.Process, list[str]]:
    """Return the command line of this process, and of all that it has started, without those that end meanwhile."""
    here = psutil.Process()
    found: dict[psutil.Process, list[str]] = {}
    for process in [here, *here.children(recursive=True)]:
        with suppress(psutil.Error):
            found[process] = process.cmdline()
    return found


@contextmanager
def heard() -> Iterator[Heard]:
    """Look once a second while the block runs; yield a set that holds all that was seen."""
    seen: Heard = set()
    done = threading.Event()

    def look() -> None:
        while not done.wait(1.0):
            seen.update(listening())

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield seen
    finally:
        done.set()
        looking.join()
