"""Finds ports for servers that a test starts."""

from __future__ import annotations

import random
import socket
from contextlib import suppress

PORTS = range(20_000, 32_000)
"""Above the ports that Ray gives to workers, below those that Linux gives to whoever asks for any port."""


def free_ports(count: int) -> list[int]:
    """Return ports on which nothing listens, and which the kernel does not give to a process that asks for any.

    A port of the kernel's could be taken by another process before it is used, or while a server restarts.
    """
    found: list[int] = []
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as one, suppress(OSError):
            one.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            return found
    raise RuntimeError(f"no {count} ports of {PORTS} are free")
