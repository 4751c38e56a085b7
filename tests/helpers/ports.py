"""Ports for servers that a test starts."""

from __future__ import annotations

import random
import socket
from contextlib import suppress

PORTS = range(20_000, 32_000)
"""Behind those that Ray takes for its workers, before those that Linux gives away by itself."""


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, and that the kernel gives to nobody who asks for any port.

    One of those might be another process's before it is used here, or while a server is started anew.
    """
    found: list[int] = []
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as one, suppress(OSError):
            one.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            return found
    raise RuntimeError(f"no {count} ports of {PORTS} are free")
