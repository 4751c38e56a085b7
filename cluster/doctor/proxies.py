"""Keeps proxies away from this machine's own addresses: they cannot reach what listens on them."""

from __future__ import annotations

import os
from collections.abc import Iterator

HERE = ("localhost", "127.0.0.1", "::1")
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "grpc_proxy")
EXEMPT = ("no_proxy", "NO_PROXY")
"""Names of the variable with the hosts that are reached without a proxy: libraries know the one or the other."""


def reach_this_machine_directly() -> None:
    """Exempt this machine's own addresses from proxies, here and in the processes that this one starts."""
    if not any(_set()):
        return
    given = ",".join(os.environ.get(name, "") for name in EXEMPT)
    hosts = [host.strip() for host in given.split(",") if host.strip()]
    if "*" not in hosts:
        value = ",".join(dict.fromkeys([*hosts, *HERE]))
        os.environ.update(dict.fromkeys(EXEMPT, value))


def _set() -> Iterator[str]:
    """Yield the variables that name a proxy."""
    yield from (name for low in PROXIES for name in (low, low.upper()) if os.environ.get(name))
